// OTLP over gRPC: /opentelemetry.proto.collector.trace.v1.TraceService/Export.
// https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
//
// What was not kept and may be sent again is UNAVAILABLE with a RetryInfo; what must not be sent again is
// INVALID_ARGUMENT or RESOURCE_EXHAUSTED without one. Metrics and logs are UNIMPLEMENTED.
#pragma once

#include "base/counters.h"
#include "ingest/contract/receiver.h"
#include "net/grpc_server.h"

namespace backstitch::api {

// `receiver` and `metrics` outlive the handler. Counters as in http.h.
net::GrpcHandler make_otlp_grpc_handler(ingest::Receiver& receiver, base::Metrics& metrics);

}  // namespace backstitch::api
