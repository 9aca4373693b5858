#include "wire/otlp/answers.h"

#include <fmt/format.h>
#include <protozero/pbf_writer.hpp>

#include "base/json_writer.h"

namespace backstitch::wire::otlp {
namespace {

using protozero::pbf_writer;

constexpr const char* kRetryInfoType = "type.googleapis.com/google.rpc.RetryInfo";

std::string export_response_protobuf(const ExportOutcome& outcome) {
  std::string out;
  pbf_writer response(out);
  pbf_writer partial_success(response, 1);
  partial_success.add_int64(1, static_cast<int64_t>(outcome.rejected_spans));
  partial_success.add_string(2, outcome.message);
  partial_success.commit();
  return out;
}

std::string export_response_json(const ExportOutcome& outcome) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.key("partialSuccess");
  json.begin_object();
  json.quoted_field("rejectedSpans", outcome.rejected_spans);
  json.field("errorMessage", outcome.message);
  json.end_object();
  json.end_object();
  return out;
}

// A google.rpc.RetryInfo inside a google.protobuf.Any.
std::string retry_info_protobuf(std::chrono::seconds wait) {
  std::string info;
  {
    pbf_writer message(info);
    pbf_writer delay(message, 1);
    delay.add_int64(1, wait.count());
  }
  std::string any;
  pbf_writer out(any);
  out.add_string(1, kRetryInfoType);
  out.add_bytes(2, info);
  return any;
}

std::string status_protobuf(const RpcStatus& status) {
  std::string out;
  pbf_writer message(out);
  message.add_int32(1, status.code);
  message.add_string(2, status.message);
  if (status.retry_after) message.add_message(3, retry_info_protobuf(*status.retry_after));
  return out;
}

std::string status_json(const RpcStatus& status) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.field("code", status.code);
  json.field("message", status.message);
  if (status.retry_after) {
    json.key("details");
    json.begin_array();
    json.begin_object();
    json.field("@type", kRetryInfoType);
    json.field("retryDelay", fmt::format("{}s", status.retry_after->count()));
    json.end_object();
    json.end_array();
  }
  json.end_object();
  return out;
}

}  // namespace

std::string encode_export_response(const ExportOutcome& outcome, Encoding encoding) {
  const bool is_json = encoding == Encoding::Json;
  if (outcome.rejected_spans == 0) return is_json ? "{}" : "";
  return is_json ? export_response_json(outcome) : export_response_protobuf(outcome);
}

std::string encode_status(const RpcStatus& status, Encoding encoding) {
  return encoding == Encoding::Json ? status_json(status) : status_protobuf(status);
}

}  // namespace backstitch::wire::otlp
