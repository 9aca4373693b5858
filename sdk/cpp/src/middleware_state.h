// What all requests and calls of a Middleware share: its configuration in a form that can be used, and its counters.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "backstitch/middleware.h"
#include "src/provider_state.h"
#include "wire/context/host_allow_list.h"
#include "wire/error_tree/bounds.h"
#include "wire/error_tree/verdict.h"

namespace backstitch::sdk {

using SteadyTime = std::chrono::steady_clock::time_point;

// The counters that docs/spec/error-tree.md names, and the SDK's own behind them. Refusals and repairs come first.
enum class Count : uint8_t {
  IgnoredUntrustedCaller = wire::error_tree::kRefusalCount + wire::error_tree::kRepairCount,
  IgnoredUntrustedUpstream,
  IgnoredDuplicate,
  IgnoredBypass,
  ShrunkMessage,
  ShrunkCousin,
  ShrunkPath,
  UnsentNoRoom,
  UnsentHeadSent,
  UnsentNotAccepted,
  UnsentQueueFull,
  DeadlineRefused,
  AttemptForgotten,  // by a request that makes too many calls
  TreeForgotten,     // its call stays, as a leaf
};
constexpr size_t kCountCount = static_cast<size_t>(Count::TreeForgotten) + 1;

class MiddlewareState {
 public:
  // Throws for memory.
  MiddlewareState(const TracerProvider& provider, MiddlewareOptions options);

  const MiddlewareOptions& options() const { return options_; }
  const Tracer& tracer() const { return tracer_; }
  const Propagator& propagator() const { return propagator_; }
  std::string_view service() const { return service_; }
  wire::error_tree::SendBounds bounds() const;
  SteadyTime now() const noexcept;
  // Null for a host that no entry names.
  const Host* find_host(std::string_view host, uint16_t port) const;

  void count(Count what, uint64_t by = 1) const noexcept { add(static_cast<size_t>(what), by); }
  void count(wire::error_tree::Refusal refusal, uint64_t by) const noexcept { add(static_cast<size_t>(refusal), by); }
  void count(wire::error_tree::Repair repair, uint64_t by) const noexcept {
    add(wire::error_tree::kRefusalCount + static_cast<size_t>(repair), by);
  }
  // The counter at that place.
  Counter counter(size_t index) const noexcept;

 private:
  struct KnownHost {
    Host host;
    wire::context::HostAllowList allowed;
  };
  void add(size_t index, uint64_t by) const noexcept { counts_[index].fetch_add(by, std::memory_order_relaxed); }

  const MiddlewareOptions options_;
  const Tracer tracer_;
  const Propagator propagator_;
  std::string service_ = wire::error_tree::kUnknownService;
  std::vector<KnownHost> hosts_;
  mutable std::array<std::atomic<uint64_t>, kCountCount> counts_{};
};

struct MiddlewareAccess {
  // Null where it does nothing.
  static const std::shared_ptr<const MiddlewareState>& state(const Middleware& middleware) { return middleware.state_; }
};

}  // namespace backstitch::sdk
