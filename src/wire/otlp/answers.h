// What a server answers to an export: ExportTraceServiceResponse, and google.rpc.Status for what it refuses, both in
// protobuf and in protobuf's JSON form.
// https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-response, …/#otlphttp-response
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backstitch::wire::otlp {

enum class Encoding { Protobuf, Json };

struct ExportOutcome {
  uint64_t rejected_spans = 0;
  std::string message;  // why; sent only beside rejected spans
};

// Full success leaves partial_success unset, as the specification asks.
std::string encode_export_response(const ExportOutcome& outcome, Encoding encoding);
// From protobuf. What does not read as that counts as full success, as the specification has it.
ExportOutcome decode_export_response(std::string_view bytes);

struct RpcStatus {
  int code = 0;  // of gRPC
  std::string message;
  // Adds a google.rpc.RetryInfo: without it clients must not retry RESOURCE_EXHAUSTED, with it they wait that long.
  std::optional<std::chrono::seconds> retry_after;
};

std::string encode_status(const RpcStatus& status, Encoding encoding);
// The delay of the RetryInfo in a google.rpc.Status in protobuf; nothing where there is none, or it is not one. At most
// an hour.
std::optional<std::chrono::nanoseconds> retry_delay(std::string_view status);

}  // namespace backstitch::wire::otlp
