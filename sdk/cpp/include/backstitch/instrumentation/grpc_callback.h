// Backstitch for gRPC's callback API: unary methods that answer when they are ready, and calls that do not wait. For
// its streams, see ServedRpc and RpcAttempt (backstitch/instrumentation/grpc_rpc.h).
//
//   grpc::ServerUnaryReactor* GetCart(grpc::CallbackServerContext* context, const CartRequest* request,
//                                     Cart* cart) override {
//     return serve(middleware_, listener_, *context, "shop.Carts/GetCart", [&](UnaryAnswer answer) {
//       OutboundCall call(middleware_, {"shop.Stock/Get", "stock", 50051, Protocol::Grpc});
//       auto stock = std::make_shared<Stock>();
//       call_rpc(
//           call,
//           [&](grpc::ClientContext& client, auto done) { stock_->async()->Get(&client, request, stock.get(), done); },
//           [=](const grpc::Status& status) {
//             if (status.ok()) cart->set_left(stock->left());
//             answer.finish(status);
//           });
//     });
//   }
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/status.h>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "backstitch/instrumentation/grpc_rpc.h"

namespace backstitch::sdk {

namespace grpc_detail {

class UnaryReactor final : public ::grpc::ServerUnaryReactor {
 public:
  UnaryReactor(const Middleware& middleware, const Listener& listener, ::grpc::CallbackServerContext& context,
               std::string_view method)
      : rpc_(middleware, listener, context, method) {}

  const Context& context() const noexcept { return rpc_.context(); }
  // It may be gone when this returns.
  void finish(::grpc::Status status, size_t own_trailers_bytes) {
    Finish(rpc_.finish(std::move(status), own_trailers_bytes));
  }
  void OnDone() override {
    rpc_.done();
    delete this;
  }

 private:
  ServedRpc rpc_;
};

}  // namespace grpc_detail

// How a unary method of the callback API is answered. Copies answer the same call, from any thread, and the first
// answer counts: so a timer and a result may race. Where all copies go without one, it is UNKNOWN: no caller waits for
// ever.
class UnaryAnswer {
 public:
  // The reactor is the library's, which keeps it until it is finished.
  explicit UnaryAnswer(grpc_detail::UnaryReactor& reactor) : call_(std::make_shared<Call>(reactor)) {}

  // The request's context, where bind() did not carry it along.
  const Context& context() const noexcept { return call_->context; }
  // False: it had been answered. Until then the method's context, request and message may be used, and not later.
  // `own_trailers_bytes`: what the method itself adds to the trailers, name + value + 32 for each.
  bool finish(::grpc::Status status, size_t own_trailers_bytes = 0) const {
    return call_->finish(std::move(status), own_trailers_bytes);
  }

 private:
  struct Call {
    explicit Call(grpc_detail::UnaryReactor& served) : context(served.context()), reactor(&served) {}
    ~Call() { finish(::grpc::Status(::grpc::StatusCode::UNKNOWN, "no answer was given"), 0); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    bool finish(::grpc::Status status, size_t own_trailers_bytes) {
      grpc_detail::UnaryReactor* const unfinished = reactor.exchange(nullptr);
      if (unfinished != nullptr) unfinished->finish(std::move(status), own_trailers_bytes);
      return unfinished != nullptr;
    }

    const Context context;
    std::atomic<grpc_detail::UnaryReactor*> reactor;  // null once it is answered
  };

  std::shared_ptr<Call> call_;
};

// Serves one call of a unary method of the callback API: `handler`, a function that takes a UnaryAnswer, runs at once
// with the request's context current; bind() carries that along to whatever answers later. The tree goes out in the
// trailers; the span ends when the library is done with the call. A handler that throws answers UNKNOWN.
template <typename Handler>
::grpc::ServerUnaryReactor* serve(const Middleware& middleware, const Listener& listener,
                                  ::grpc::CallbackServerContext& context, std::string_view method, Handler&& handler) {
  auto* const reactor = new grpc_detail::UnaryReactor(middleware, listener, context, method);
  const UnaryAnswer answer(*reactor);
  const Scope scope(answer.context());
  try {
    std::forward<Handler>(handler)(answer);
  } catch (...) {  // the library would take it for an unknown method, and forget the reactor
    answer.finish(::grpc::Status(::grpc::StatusCode::UNKNOWN, "the handler threw an exception"));
  }
  return reactor;
}

// One attempt of `call` that nobody waits for, in as much time as there is. `start`, a function that takes the
// grpc::ClientContext& of this attempt and a std::function<void(grpc::Status)>, hands both to the stub:
// stub->async()->Get(&client, …). `done`, a function that takes the grpc::Status, runs when the outcome is noted, with
// what is current here; then the client context goes. A retry is another call_rpc() from there. Without time nothing is
// sent, and `done` is told DEADLINE_EXCEEDED before this returns. gRPC 1.51 cannot bear that `done` owns the program's
// last channel: it would end the thread that it is in.
template <typename Start, typename Done>
void call_rpc(OutboundCall& call, Start&& start, Done&& done) {
  struct Pending {
    Pending(OutboundCall& to_make, Done&& function) : attempt(to_make), done(std::forward<Done>(function)) {}

    RpcAttempt attempt;
    const Context caller = Context::current();
    std::decay_t<Done> done;
  };
  const auto pending = std::make_shared<Pending>(call, std::forward<Done>(done));
  if (!pending->attempt.has_time()) return pending->done(grpc_detail::no_time_left());
  std::forward<Start>(start)(pending->attempt.client(),
                             std::function<void(::grpc::Status)>([pending](const ::grpc::Status& status) {
                               pending->attempt.done(status);
                               const Scope scope(pending->caller);
                               pending->done(status);
                             }));
}

}  // namespace backstitch::sdk
