#include "src/provider_state.h"

namespace backstitch::sdk {
namespace {

// Reachable until the end, as tools that look for leaks want it.
std::atomic<const ProviderState*> providers{nullptr};

}  // namespace

ProviderState& ProviderState::create(Parts parts) {
  auto* const made = new ProviderState(std::move(parts));
  made->next_ = providers.load();
  while (!providers.compare_exchange_weak(made->next_, made)) {
  }
  return *made;
}

// Two threads that ask for a new scope at once may make two: no harm.
const TracerState& ProviderState::tracer(std::string scope, std::string schema_url) {
  size_t count = 0;
  const TracerState* const newest = tracers_.load();
  for (const TracerState* one = newest; one != nullptr; one = one->next_, ++count) {
    if (one->scope_ == scope && one->schema_url_ == schema_url) return *one;
  }
  if (count >= kTracersMax && !scope.empty()) return tracer("", "");
  auto* const made = new TracerState(*this, std::move(scope), std::move(schema_url));
  made->next_ = newest;
  while (!tracers_.compare_exchange_weak(made->next_, made)) {
  }
  return *made;
}

}  // namespace backstitch::sdk
