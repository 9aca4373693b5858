// Backstitch for gRPC: servers whose trailers carry error trees, clients that read them. Here is the synchronous API;
// for the callback API there are serve() and call_rpc() of the same names (backstitch/instrumentation/grpc_callback.h).
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

#include <cstddef>
#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>
#include <string_view>
#include <utility>

#include "backstitch/instrumentation/grpc_callback.h"
#include "backstitch/instrumentation/grpc_rpc.h"

namespace backstitch::sdk {

// Serves one call of `method`, "shop.Carts/GetCart": `handler`, a function that returns the grpc::Status, runs with the
// request's context current, and its tree goes out in the trailers. For unary and streaming methods of the synchronous
// API alike. `own_trailers_bytes`: what the handler itself adds to them, name + value + 32 for each.
template <typename Handler>
::grpc::Status serve(const Middleware& middleware, const Listener& listener, ::grpc::ServerContext& context,
                     std::string_view method, Handler&& handler, size_t own_trailers_bytes = 0) {
  ServedRpc rpc(middleware, listener, context, method);
  ::grpc::Status status;
  {
    const Scope scope(rpc.context());
    status = std::forward<Handler>(handler)();
  }
  status = rpc.finish(std::move(status), own_trailers_bytes);
  rpc.done();
  return status;
}

// One attempt of `call`, in as much time as there is: `invoke`, a function that takes the grpc::ClientContext& of this
// attempt and returns the grpc::Status, makes it. Again for a retry. Without time nothing is sent, and the status is
// DEADLINE_EXCEEDED.
template <typename Invoke>
::grpc::Status call_rpc(OutboundCall& call, Invoke&& invoke) {
  RpcAttempt attempt(call);
  if (!attempt.has_time()) return grpc_detail::no_time_left();
  ::grpc::Status status = std::forward<Invoke>(invoke)(attempt.client());
  attempt.done(status);
  return status;
}

}  // namespace backstitch::sdk
