// What belongs to the work that is being done now: its span and its baggage. OpenTelemetry's Context.
//
//   {
//     Scope scope(tracer.start_span("handle"));        // current in this thread until the end of the block
//     tracer.start_span("step");                       // a child of "handle"
//     pool.post(bind([] { … }));                       // whatever thread runs this, "handle" is current there
//   }
//
// Values: a Context may be kept in a message, a queue's entry or an object, and attached by whoever does the work.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "backstitch/span.h"

namespace backstitch::sdk {

struct ContextExtras;  // baggage, and what came from outside beside the ids; private to the SDK

class Context {
 public:
  // Nothing: no span, no baggage.
  constexpr Context() noexcept = default;
  // What is attached in this thread; an empty context where nothing is. Valid until the thread attaches or detaches.
  static const Context& current() noexcept;

  const Span& span() const noexcept { return span_; }
  // The same with another span.
  Context with_span(Span span) const noexcept;

  std::optional<std::string> baggage(std::string_view key) const;
  // The same with one more member. Without a change where the key is no token (RFC 9110) or memory is short.
  Context with_baggage(std::string_view key, std::string_view value) const noexcept;

 private:
  friend struct ContextAccess;

  Span span_;
  std::shared_ptr<const ContextExtras> extras_;
};

// Attaches a context to this thread for as long as the scope lives. Scopes end in the reverse order of their making,
// in the thread that made them; one that ends elsewhere detaches nothing, and the next outer one makes up for it. In a
// coroutine that may resume on another thread, use CoroutineScope (backstitch/coroutine.h). Does not end the span.
class Scope {
 public:
  explicit Scope(Context context) noexcept;
  explicit Scope(Span span) noexcept : Scope(Context::current().with_span(std::move(span))) {}
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  const void* thread_ = nullptr;  // whose stack of contexts; null where nothing could be attached
  uint64_t token_ = 0;
};

// `function`, to be called elsewhere or later, with what is current here and now.
template <typename Function>
auto bind(Context context, Function&& function) {
  return [context = std::move(context), function = std::decay_t<Function>(std::forward<Function>(function))](
             auto&&... arguments) mutable -> decltype(auto) {
    const Scope scope(context);
    return function(std::forward<decltype(arguments)>(arguments)...);
  };
}
template <typename Function>
auto bind(Function&& function) {
  return bind(Context::current(), std::forward<Function>(function));
}

}  // namespace backstitch::sdk
