#include "api/otlp/grpc.h"

#include <fmt/format.h>

#include "api/otlp/refusal.h"
#include "wire/otlp/answers.h"

namespace backstitch::api {
namespace {

constexpr std::string_view kExport = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

net::GrpcReply refuse(base::Metrics& metrics, const base::Error& error) {
  count_refusal(metrics, "grpc", error.code);
  const Refusal refusal = refusal_of(error.code);
  const wire::otlp::RpcStatus status{static_cast<int>(refusal.grpc_code), error.message, refusal.retry_after};
  return {.code = refusal.grpc_code,
          .message = error.message,
          .details = wire::otlp::encode_status(status, wire::otlp::Encoding::Protobuf)};
}

}  // namespace

net::GrpcHandler make_otlp_grpc_handler(ingest::Receiver& receiver, base::Metrics& metrics) {
  base::Counter& requests = metrics.counter("backstitch_otlp_requests", "OTLP export requests",
                                            {{"transport", "grpc"}, {"encoding", "protobuf"}});
  return [&receiver, &metrics, &requests](std::string_view method, std::string& body) -> net::GrpcReply {
    if (method != kExport) {
      return refuse(metrics, {base::Errc::NotFound,
                              fmt::format("{} is unknown; Backstitch takes only traces, at {}", method, kExport)});
    }
    requests.add();
    base::Result<ingest::Received> received = receiver.receive_traces(body);
    if (!received) return refuse(metrics, received.error());
    return {.details = {},
            .body = wire::otlp::encode_export_response({received->rejected_spans, std::move(received->message)},
                                                       wire::otlp::Encoding::Protobuf)};
  };
}

}  // namespace backstitch::api
