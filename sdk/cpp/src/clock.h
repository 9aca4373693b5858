// The time of spans: read from the monotonic clock, so that durations are right whatever happens to the wall clock,
// and told as wall time by an offset that is taken anew now and then.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace backstitch::sdk {

class SpanClock {
 public:
  SpanClock() { adjust(); }

  // Nanoseconds of the monotonic clock.
  static int64_t ticks() noexcept { return nanoseconds(std::chrono::steady_clock::now()); }
  // Nanoseconds since 1970.
  int64_t wall(int64_t ticks) const noexcept { return ticks + offset_.load(std::memory_order_relaxed); }
  // Follows the wall clock, which is set and slewed. Running spans keep the offset of their start.
  void adjust() noexcept {
    offset_.store(nanoseconds(std::chrono::system_clock::now()) - ticks(), std::memory_order_relaxed);
  }

 private:
  template <typename TimePoint>
  static int64_t nanoseconds(TimePoint time) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  }

  std::atomic<int64_t> offset_{0};
};

}  // namespace backstitch::sdk
