// Backstitch for gRPC: synchronous servers whose trailers carry error trees, clients that read them.
//
//   grpc::Status GetCart(grpc::ServerContext* context, const CartRequest* request, Cart* cart) override {
//     return serve(middleware_, listener_, *context, "shop.Carts/GetCart", [&] {
//       OutboundCall call(middleware_, {"shop.Stock/Get", "stock", 50051, Protocol::Grpc});
//       return call_rpc(call, [&](grpc::ClientContext& client) { return stock_->Get(&client, query, &answer); });
//     });
//   }
//
// The deadline of a trusted caller is the library's; a call takes what is left of it along. find_package(backstitch
// COMPONENTS grpc) makes backstitch::grpc, which needs gRPC 1.51 or newer.
#pragma once

#include <chrono>
#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "backstitch/inbound.h"
#include "backstitch/outbound.h"

namespace backstitch::sdk {

namespace grpc_detail {

// Metadata is sent once, and cannot be replaced: what is written here is not there yet.
class MetadataWriter final : public TextMapWriter {
 public:
  explicit MetadataWriter(::grpc::ClientContext& context) : context_(context) {}
  void set(std::string_view name, std::string_view value) override {
    context_.AddMetadata(std::string(name), std::string(value));
  }

 private:
  ::grpc::ClientContext& context_;
};

// How long the caller waits; none where it set no deadline.
inline std::optional<std::chrono::nanoseconds> caller_waits(const ::grpc::ServerContext& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return std::nullopt;
  return deadline - std::chrono::system_clock::now();
}

inline ErrorCode code_of(const ::grpc::Status& status) {
  return ErrorCode::from_number(static_cast<int>(status.error_code()));
}

}  // namespace grpc_detail

// Serves one call of `method`, "shop.Carts/GetCart": `handler`, a function that returns the grpc::Status, runs with the
// request's context current, and its tree goes out in the trailers. For unary and streaming methods of the synchronous
// API alike. `own_trailers_bytes`: what the handler itself adds to them, name + value + 32 for each.
template <typename Handler>
::grpc::Status serve(const Middleware& middleware, const Listener& listener, ::grpc::ServerContext& context,
                     std::string_view method, Handler&& handler, size_t own_trailers_bytes = 0) {
  const Attribute attributes[] = {{"rpc.system", "grpc"}, {"rpc.method", method}};
  InboundRequest inbound(middleware, listener, fields(context.client_metadata()),
                         {method, Protocol::Grpc, Attributes(attributes), grpc_detail::caller_waits(context)});
  ::grpc::Status status;
  {
    const Scope scope(inbound.context());
    status = std::forward<Handler>(handler)();
  }
  Span span = inbound.context().span();
  span.set_attribute("rpc.grpc.status_code", static_cast<int>(status.error_code()));
  const std::string message = status.error_message();
  const ErrorTreeHeader header =
      inbound.finish(grpc_detail::code_of(status), {message, /*is_head_sent=*/false, own_trailers_bytes});
  if (header) context.AddTrailingMetadata(header.name, header.value);
  inbound.end(/*is_delivered=*/!context.IsCancelled());
  return status;
}

// One attempt of `call`, in as much time as there is: `invoke`, a function that takes the grpc::ClientContext& of this
// attempt and returns the grpc::Status, makes it. Again for a retry. Without time nothing is sent, and the status is
// DEADLINE_EXCEEDED.
template <typename Invoke>
::grpc::Status call_rpc(OutboundCall& call, Invoke&& invoke) {
  ::grpc::ClientContext context;
  if (!call.start_attempt(grpc_detail::MetadataWriter(context))) {
    return ::grpc::Status(::grpc::StatusCode::DEADLINE_EXCEEDED, "no time is left");
  }
  if (const auto left = call.time_left()) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(*left));
  }
  Span span = call.span();
  span.set_attribute("rpc.system", "grpc");
  const ::grpc::Status status = std::forward<Invoke>(invoke)(context);
  span.set_attribute("rpc.grpc.status_code", static_cast<int>(status.error_code()));
  const std::string message = status.error_message();
  call.answered(grpc_detail::code_of(status), fields(context.GetServerTrailingMetadata()), message);
  return status;
}

}  // namespace backstitch::sdk
