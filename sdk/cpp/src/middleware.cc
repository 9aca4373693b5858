#include "backstitch/middleware.h"

#include <algorithm>

#include "src/context_access.h"
#include "src/middleware_state.h"
#include "src/request_state.h"

namespace backstitch::sdk {
namespace {

namespace et = wire::error_tree;

struct Named {
  std::string_view name;
  std::string_view reason;
};
// In the order of Count, behind refusals and repairs.
constexpr Named kNames[] = {
    {"backstitch_error_tree_ignored", "untrusted_caller"},
    {"backstitch_error_tree_ignored", "untrusted_upstream"},
    {"backstitch_error_tree_ignored", "duplicate"},
    {"backstitch_error_tree_ignored", "bypass"},
    {"backstitch_error_tree_shrunk", "message"},
    {"backstitch_error_tree_shrunk", "cousin"},
    {"backstitch_error_tree_shrunk", "path"},
    {"backstitch_error_tree_unsent", "no_room"},
    {"backstitch_error_tree_unsent", "head_sent"},
    {"backstitch_error_tree_unsent", "not_accepted"},
    {"backstitch_error_tree_unsent", "queue_full"},
    {"backstitch_deadline_refused", ""},
    {"backstitch_error_tree_forgotten", "attempt"},
    {"backstitch_error_tree_forgotten", "tree"},
};
constexpr size_t kNamesFrom = et::kRefusalCount + et::kRepairCount;
static_assert(kNamesFrom + std::size(kNames) == kCountCount);

Named name_of(size_t index) {
  if (index < et::kRefusalCount) {
    return {"backstitch_error_tree_refused", to_string(static_cast<et::Refusal>(index))};
  }
  if (index < kNamesFrom) {
    return {"backstitch_error_tree_repaired", to_string(static_cast<et::Repair>(index - et::kRefusalCount))};
  }
  return kNames[index - kNamesFrom];
}

MiddlewareOptions within_bounds(MiddlewareOptions options) {
  options.tree_nodes_max = std::clamp<size_t>(options.tree_nodes_max, 2, et::SendBounds().nodes_max);
  options.tree_depth_max = std::max<size_t>(options.tree_depth_max, 1);
  options.attempts_max = std::max<size_t>(options.attempts_max, 1);
  return options;
}

std::shared_ptr<RequestState> request_of(const Context& context) noexcept {
  const ContextExtras* const extras = ContextAccess::extras(context);
  return extras == nullptr ? nullptr : extras->request;
}

}  // namespace

MiddlewareState::MiddlewareState(const TracerProvider& provider, MiddlewareOptions options)
    : options_(within_bounds(std::move(options))),
      tracer_(provider.get_tracer("backstitch.middleware", BACKSTITCH_SDK_VERSION)),
      propagator_(provider.propagator()) {
  if (const TracerState* const state = TracerAccess::state(tracer_)) service_ = state->provider().service();
  for (const Host& host : options_.hosts) {
    auto allowed = wire::context::HostAllowList::create({&host.pattern, 1});
    if (allowed) {
      hosts_.push_back({host, std::move(*allowed)});
    } else if (options_.on_problem) {
      options_.on_problem(allowed.error().message);
    }
  }
}

et::SendBounds MiddlewareState::bounds() const {
  return {
      .nodes_max = options_.tree_nodes_max, .depth_max = options_.tree_depth_max, .bytes_max = options_.tree_bytes_max};
}

SteadyTime MiddlewareState::now() const noexcept {
  try {
    if (options_.clock) return options_.clock();
  } catch (...) {  // the host's own
  }
  return std::chrono::steady_clock::now();
}

const Host* MiddlewareState::find_host(std::string_view host, uint16_t port) const {
  const auto found = std::ranges::find_if(
      hosts_, [&](const KnownHost& known) { return known.allowed.allows({.host = host, .port = port}); });
  return found == hosts_.end() ? nullptr : &found->host;
}

Counter MiddlewareState::counter(size_t index) const noexcept {
  const Named named = name_of(index);
  return {named.name, named.reason, counts_[index].load(std::memory_order_relaxed)};
}

Middleware::Middleware(const TracerProvider& provider, MiddlewareOptions options) noexcept {
  try {
    state_ = std::make_shared<const MiddlewareState>(provider, std::move(options));
  } catch (...) {  // no memory, or the host's on_problem: it does nothing
  }
}

std::vector<Counter> Middleware::counters() const noexcept {
  std::vector<Counter> counters;
  try {
    if (state_ != nullptr) counters.reserve(kCountCount);
    for (size_t i = 0; i < counters.capacity() && i < kCountCount; ++i) counters.push_back(state_->counter(i));
  } catch (...) {  // no memory
  }
  return counters;
}

uint64_t Middleware::count(std::string_view name, std::string_view reason) const noexcept {
  for (size_t i = 0; state_ != nullptr && i < kCountCount; ++i) {
    const Counter counter = state_->counter(i);
    if (counter.name == name && counter.reason == reason) return counter.value;
  }
  return 0;
}

void state_outcome(const ErrorCode& code, std::string_view message, const Context& context) noexcept {
  try {
    if (const auto request = request_of(context)) request->state_outcome(code, std::string(message));
  } catch (...) {  // no memory: the protocol's status counts
  }
}

void state_committed(bool is_committed, const Context& context) noexcept {
  if (const auto request = request_of(context)) request->state_committed(is_committed);
}

std::optional<SteadyTime> work_deadline(const Context& context) noexcept {
  const auto request = request_of(context);
  return request == nullptr ? std::nullopt : request->times().work_end;
}

}  // namespace backstitch::sdk
