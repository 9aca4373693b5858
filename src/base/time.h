// Points in time as tracers write them, and the clock that the program is given.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace backstitch::base {

using Duration = std::chrono::nanoseconds;

// Nanoseconds since the Unix epoch, as OTLP carries them: the whole unsigned 64-bit range, since what a broken
// clock wrote must round-trip. Zero means "not set".
struct Timestamp {
  uint64_t unix_nanos = 0;

  auto operator<=>(const Timestamp&) const = default;
  bool is_set() const { return unix_nanos != 0; }
};

// `to - from`, held inside what Duration can say; negative when `to` is earlier.
constexpr Duration elapsed(Timestamp from, Timestamp to) {
  constexpr auto max = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (to.unix_nanos >= from.unix_nanos) {
    const uint64_t ahead = to.unix_nanos - from.unix_nanos;
    return Duration(static_cast<int64_t>(ahead > max ? max : ahead));
  }
  const uint64_t behind = from.unix_nanos - to.unix_nanos;
  return Duration(-static_cast<int64_t>(behind > max ? max : behind));
}

// `at + by`, held inside what Timestamp can say.
constexpr Timestamp offset(Timestamp at, Duration by) {
  const auto magnitude = by.count() < 0 ? 0 - static_cast<uint64_t>(by.count()) : static_cast<uint64_t>(by.count());
  if (by.count() < 0) return {at.unix_nanos < magnitude ? 0 : at.unix_nanos - magnitude};
  const uint64_t sum = at.unix_nanos + magnitude;
  return {sum < at.unix_nanos ? std::numeric_limits<uint64_t>::max() : sum};
}

// What time it is. Only `app` makes the real one; tests set theirs.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time: for what is written down. May jump.
  virtual Timestamp now() const = 0;
  // Time since some fixed point: for every timer. Never goes back.
  virtual Duration monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  Duration monotonic() const override;
};

// Stands still until it is moved. Not thread-safe.
class FakeClock final : public Clock {
 public:
  Timestamp now() const override { return wall_; }
  Duration monotonic() const override { return monotonic_; }

  // Both clocks go on, as time does.
  void advance(Duration by) {
    wall_ = offset(wall_, by);
    monotonic_ += by;
  }
  // The wall clock jumps, as when an operator sets it; timers notice nothing.
  void set_wall(Timestamp to) { wall_ = to; }

 private:
  Timestamp wall_{1'700'000'000'000'000'000};
  Duration monotonic_{std::chrono::hours(1)};
};

}  // namespace backstitch::base
