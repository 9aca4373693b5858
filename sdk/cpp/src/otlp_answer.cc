#include "src/otlp_answer.h"

#include <protozero/pbf_reader.hpp>

namespace backstitch::sdk {
namespace {

enum ResponseField : uint32_t { kPartialSuccess = 1 };
enum PartialSuccessField : uint32_t { kRejectedSpans = 1, kErrorMessage = 2 };

// OTLP names these; any other status is for good.
bool may_be_tried_again(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

void read_partial_success(protozero::pbf_reader reader, ExportResult& result) {
  while (reader.next()) {
    switch (reader.tag()) {
      case kRejectedSpans: {
        const int64_t rejected = reader.get_int64();
        result.rejected_spans = rejected < 0 ? 0 : static_cast<uint64_t>(rejected);
        break;
      }
      case kErrorMessage:
        result.message = reader.get_string();
        break;
      default:
        reader.skip();
    }
  }
}

}  // namespace

ExportResult read_answer(int http_status, std::chrono::seconds retry_after, std::string_view body) {
  if (http_status < 200 || http_status >= 300) {
    const bool is_retry = may_be_tried_again(http_status);
    return {.outcome = is_retry ? ExportResult::Outcome::Retry : ExportResult::Outcome::Refused,
            .retry_after = is_retry ? std::chrono::milliseconds(retry_after) : std::chrono::milliseconds(0),
            .message = "the server answered " + std::to_string(http_status)};
  }
  ExportResult result;
  try {
    protozero::pbf_reader reader(body.data(), body.size());
    while (reader.next(kPartialSuccess, protozero::pbf_wire_type::length_delimited)) {
      read_partial_success(reader.get_message(), result);
    }
  } catch (const std::exception&) {  // no protobuf: it was taken, and that is all we know
  }
  return result;
}

}  // namespace backstitch::sdk
