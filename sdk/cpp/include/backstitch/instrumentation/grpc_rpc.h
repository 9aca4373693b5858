// One RPC that is served, and one attempt of one that is made, whichever of gRPC's APIs does it: what serve() and
// call_rpc() (backstitch/instrumentation/grpc.h) are made of, and what the reactors of the callback API's streams hold.
//
//   class Watch final : public grpc::ServerWriteReactor<Cart> {          // return new Watch(…, *context);
//    public:
//     Watch(const Middleware& middleware, const Listener& listener, grpc::CallbackServerContext& context)
//         : rpc_(middleware, listener, context, "shop.Carts/Watch") {
//       next();
//     }
//     void OnWriteDone(bool is_written) override { is_written ? next() : Finish(rpc_.finish(gone)); }
//     void OnDone() override {
//       rpc_.done();
//       delete this;
//     }
//
//    private:
//     void next() {
//       const Scope scope(rpc_.context());                               // in each reaction that calls others
//       …
//       StartWrite(&cart_);                                              // or Finish(rpc_.finish(status));
//     }
//     ServedRpc rpc_;
//   };
//
//   class Watcher final : public grpc::ClientReadReactor<Cart> {
//    public:
//     Watcher(OutboundCall& call, Carts::Stub& stub, const CartRequest& request) : rpc_(call) {
//       if (!rpc_.has_time()) …                                          // DEADLINE_EXCEEDED; nothing is to be sent
//       stub.async()->Watch(&rpc_.client(), &request, this);
//       …
//       StartCall();
//     }
//     void OnDone(const grpc::Status& status) override { rpc_.done(status); … }
//
//    private:
//     RpcAttempt rpc_;
//   };
#pragma once

#include <chrono>
#include <cstddef>
#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>
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
inline std::optional<std::chrono::nanoseconds> caller_waits(const ::grpc::ServerContextBase& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return std::nullopt;
  return deadline - std::chrono::system_clock::now();
}

inline ErrorCode code_of(const ::grpc::Status& status) {
  return ErrorCode::from_number(static_cast<int>(status.error_code()));
}

inline ::grpc::Status no_time_left() { return {::grpc::StatusCode::DEADLINE_EXCEEDED, "no time is left"}; }

inline InboundRequest start(const Middleware& middleware, const Listener& listener,
                            const ::grpc::ServerContextBase& context, std::string_view method) {
  const Attribute attributes[] = {{"rpc.system", "grpc"}, {"rpc.method", method}};
  return InboundRequest(middleware, listener, fields(context.client_metadata()),
                        {method, Protocol::Grpc, Attributes(attributes), caller_waits(context)});
}

}  // namespace grpc_detail

// One call of a method that is served. For one thread at a time; gRPC's own order of reactions is such.
class ServedRpc {
 public:
  // `context` is the library's, and is used until done(). `method`: "shop.Carts/Watch".
  ServedRpc(const Middleware& middleware, const Listener& listener, ::grpc::ServerContextBase& context,
            std::string_view method)
      : server_(context), inbound_(grpc_detail::start(middleware, listener, context, method)) {}
  ServedRpc(const ServedRpc&) = delete;
  ServedRpc& operator=(const ServedRpc&) = delete;

  // To be attached, or bound, wherever work for it is done.
  const Context& context() const noexcept { return inbound_.context(); }

  // How it ends, before the library is told: puts its tree into the trailers. Returns `status`. Once.
  // `own_trailers_bytes`: what the method itself adds to the trailers, name + value + 32 for each.
  ::grpc::Status finish(::grpc::Status status, size_t own_trailers_bytes = 0) {
    Span span = context().span();
    span.set_attribute("rpc.grpc.status_code", static_cast<int>(status.error_code()));
    const std::string message = status.error_message();
    const ErrorTreeHeader header =
        inbound_.finish(grpc_detail::code_of(status), {message, /*is_head_sent=*/false, own_trailers_bytes});
    if (header) server_.AddTrailingMetadata(header.name, header.value);
    return status;
  }
  // Nothing is sent any more: ends the span, which tells of the outcome where the caller was gone.
  void done() noexcept { inbound_.end(/*is_delivered=*/!server_.IsCancelled()); }

 private:
  ::grpc::ServerContextBase& server_;
  InboundRequest inbound_;
};

// One attempt of a call, started when this is made. The next attempt calls it off, and so does the end of the call if
// it was not done().
class RpcAttempt {
 public:
  explicit RpcAttempt(OutboundCall call) : call_(std::move(call)) {
    has_time_ = call_.start_attempt(grpc_detail::MetadataWriter(client_));
    if (const auto left = call_.time_left()) {
      client_.set_deadline(std::chrono::system_clock::now() +
                           std::chrono::duration_cast<std::chrono::system_clock::duration>(*left));
    }
    span_ = call_.span();
    span_.set_attribute("rpc.system", "grpc");
  }
  RpcAttempt(const RpcAttempt&) = delete;
  RpcAttempt& operator=(const RpcAttempt&) = delete;

  // False: no time is left, and the attempt is not to be made; its outcome is noted.
  bool has_time() const noexcept { return has_time_; }
  // What it is to be made with: the callee is told, and the deadline is set.
  ::grpc::ClientContext& client() noexcept { return client_; }

  // How it ended, once. Trees come with the trailers. Nothing happens where it was called off.
  void done(const ::grpc::Status& status) {
    span_.set_attribute("rpc.grpc.status_code", static_cast<int>(status.error_code()));
    const std::string message = status.error_message();
    call_.answered(grpc_detail::code_of(status), fields(client_.GetServerTrailingMetadata()), message, &span_);
  }

 private:
  OutboundCall call_;
  Span span_;
  ::grpc::ClientContext client_;
  bool has_time_ = true;
};

}  // namespace backstitch::sdk
