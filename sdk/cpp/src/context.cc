#include "backstitch/context.h"

#include <algorithm>
#include <memory>
#include <ranges>
#include <vector>

#include "src/context_access.h"

namespace backstitch::sdk {
namespace {

struct Attached {
  Context context;
  uint64_t token;
};

// The contexts of one thread, innermost last. What can be reached from a thread_local has no destructor: a static's
// destructor may still start a span when the thread's own variables are long gone.
struct Stack {
  std::vector<Attached>* attached = nullptr;
  uint64_t last_token = 0;
};
thread_local constinit Stack stack;

// Frees the stack when the thread ends. What is attached later makes another, which stays.
struct Reaper {
  ~Reaper() {
    delete stack.attached;
    stack.attached = nullptr;
  }
};

// The empty context, which is there until the very end.
union Unending {
  constexpr Unending() : context() {}
  ~Unending() {}
  Context context;
};

std::vector<Attached>& make_stack() {
  static thread_local Reaper reaper;
  (void)&reaper;
  auto made = std::make_unique<std::vector<Attached>>();
  made->reserve(16);
  stack.attached = made.release();
  return *stack.attached;
}

}  // namespace

const Context& Context::current() noexcept {
  static constinit Unending none;
  return stack.attached == nullptr || stack.attached->empty() ? none.context : stack.attached->back().context;
}

Context Context::with_span(Span span) const noexcept { return ContextAccess::make(std::move(span), extras_); }

std::optional<std::string> Context::baggage(std::string_view key) const {
  const auto* member = extras_ ? extras_->baggage.find(key) : nullptr;
  return member == nullptr ? std::nullopt : std::optional(member->value);
}

Context Context::with_baggage(std::string_view key, std::string_view value) const noexcept {
  try {
    auto extras = extras_ ? std::make_shared<ContextExtras>(*extras_) : std::make_shared<ContextExtras>();
    if (!extras->baggage.set({.key = std::string(key), .value = std::string(value), .properties = {}})) return *this;
    return ContextAccess::make(span_, std::move(extras));
  } catch (...) {
    return *this;
  }
}

Scope::Scope(Context context) noexcept {
  try {
    std::vector<Attached>& attached = stack.attached != nullptr ? *stack.attached : make_stack();
    attached.push_back({std::move(context), stack.last_token + 1});
    token_ = ++stack.last_token;
    thread_ = &stack;
  } catch (...) {  // no memory: what was current stays so
  }
}

Scope::~Scope() {
  if (thread_ != &stack || stack.attached == nullptr) return;
  std::vector<Attached>& attached = *stack.attached;
  const auto mine = std::ranges::find(attached.rbegin(), attached.rend(), token_, &Attached::token);
  // What was attached inside and not detached goes too. One by one: a context's end may end a span.
  if (mine == attached.rend()) return;
  const auto outer = static_cast<size_t>(attached.rend() - mine) - 1;
  while (attached.size() > outer) {
    const Attached last = std::move(attached.back());
    attached.pop_back();
  }
}

}  // namespace backstitch::sdk
