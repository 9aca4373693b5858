#include "wire/otlp/answers.h"

#include <algorithm>
#include <fmt/format.h>
#include <protozero/pbf_writer.hpp>

#include "base/json_writer.h"
#include "wire/otlp/each_message.h"

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

void read_partial_success(Cursor message, ExportOutcome& outcome) {
  while (!message.at_end()) {
    const uint32_t tag = message.tag();
    if (tag == tag_of(1, WireType::Varint)) {
      outcome.rejected_spans = message.varint();
    } else if (tag == tag_of(2, WireType::Bytes)) {
      outcome.message = message.bytes().view();
    } else {
      message.skip(tag);
    }
  }
}

// google.protobuf.Duration
std::chrono::nanoseconds read_delay(Cursor message) {
  constexpr uint64_t kSecondsMax = 3600;
  uint64_t seconds = 0;
  uint64_t nanos = 0;
  while (!message.at_end()) {
    const uint32_t tag = message.tag();
    if (tag == tag_of(1, WireType::Varint)) {
      seconds = message.varint();
    } else if (tag == tag_of(2, WireType::Varint)) {
      nanos = message.varint();
    } else {
      message.skip(tag);
    }
  }
  constexpr uint64_t kNanosMax = 999'999'999;
  return std::chrono::seconds(std::min(seconds, kSecondsMax)) + std::chrono::nanoseconds(std::min(nanos, kNanosMax));
}

// google.protobuf.Any: nothing is done where it is of another type.
void read_retry_info(Cursor any, std::optional<std::chrono::nanoseconds>& delay) {
  bool is_retry_info = false;
  each(any, 1, [&](Cursor type) { is_retry_info = type.view() == kRetryInfoType; });
  if (!is_retry_info) return;
  delay = std::chrono::nanoseconds(0);
  each(any, 2, [&](Cursor info) { each(info, 1, [&](Cursor duration) { delay = read_delay(duration); }); });
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

ExportOutcome decode_export_response(std::string_view bytes) {
  ExportOutcome outcome;
  try {
    each(Cursor::reading(bytes), 1, [&](Cursor partial) { read_partial_success(partial, outcome); });
  } catch (const WireFault&) {
    return {};
  }
  return outcome;
}

std::optional<std::chrono::nanoseconds> retry_delay(std::string_view status) {
  std::optional<std::chrono::nanoseconds> delay;
  try {
    each(Cursor::reading(status), 3, [&](Cursor any) { read_retry_info(any, delay); });
  } catch (const WireFault&) {
    return std::nullopt;
  }
  return delay;
}

}  // namespace backstitch::wire::otlp
