// Contexts in coroutines (C++20): a coroutine may resume on another thread, and between suspension and resumption the
// thread does other work. So its scope is left before each co_await and entered again behind it.
//
//   Task handle(Request request) {
//     CoroutineScope scope(Context::current().with_span(tracer.start_span("handle")));
//     const auto row = co_await scope.keep(database.find(request.id));
//     …                                                     // "handle" is current again
//   }
//
// A plain Scope must not live across a co_await.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "backstitch/context.h"

namespace backstitch::sdk {

class CoroutineScope {
 public:
  explicit CoroutineScope(Context context) noexcept : context_(std::move(context)) { enter(); }
  CoroutineScope(const CoroutineScope&) = delete;
  CoroutineScope& operator=(const CoroutineScope&) = delete;

  // Wraps what is awaited, which must live until it has been: a temporary does.
  template <typename Awaitable>
  auto keep(Awaitable&& awaitable) {
    using Awaiter = decltype(awaiter_of(std::forward<Awaitable>(awaitable)));
    return Kept<Awaiter>{*this, awaiter_of(std::forward<Awaitable>(awaitable))};
  }

 private:
  template <typename Awaiter>
  struct Kept {
    CoroutineScope& scope;
    Awaiter awaiter;

    bool await_ready() { return awaiter.await_ready(); }
    template <typename Promise>
    auto await_suspend(std::coroutine_handle<Promise> handle) {
      // Before the inner awaiter, which may hand the coroutine to another thread at once.
      scope.leave();
      try {
        return awaiter.await_suspend(handle);
      } catch (...) {
        scope.enter();
        throw;
      }
    }
    decltype(auto) await_resume() {
      scope.enter();
      return awaiter.await_resume();
    }
  };

  template <typename Awaitable>
  static decltype(auto) awaiter_of(Awaitable&& awaitable) {
    if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
      return std::forward<Awaitable>(awaitable).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
      return operator co_await(std::forward<Awaitable>(awaitable));
    } else {
      return static_cast<Awaitable&&>(awaitable);
    }
  }

  void enter() noexcept {
    if (!scope_) scope_.emplace(context_);
  }
  void leave() noexcept { scope_.reset(); }

  const Context context_;
  std::optional<Scope> scope_;
};

}  // namespace backstitch::sdk
