// What a server answers to an export: ExportTraceServiceResponse, and google.rpc.Status for what it refuses, both in
// protobuf and in protobuf's JSON form.
// https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-response, …/#otlphttp-response
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace backstitch::wire::otlp {

enum class Encoding { Protobuf, Json };

struct ExportOutcome {
  uint64_t rejected_spans = 0;
  std::string message;  // why; sent only beside rejected spans
};

// Full success leaves partial_success unset, as the specification asks.
std::string encode_export_response(const ExportOutcome& outcome, Encoding encoding);

struct RpcStatus {
  int code = 0;  // of gRPC
  std::string message;
  // Adds a google.rpc.RetryInfo: without it clients must not retry RESOURCE_EXHAUSTED, with it they wait that long.
  std::optional<std::chrono::seconds> retry_after;
};

std::string encode_status(const RpcStatus& status, Encoding encoding);

}  // namespace backstitch::wire::otlp
