// Whether the process may take on more. The bound holds for all that is resident; what is on its way already still
// comes on top of it: requests that are being received, and work in the background that has not begun. So new
// requests are refused a reserve before the bound.
//
//   MemoryBound memory(clock, {.bytes_max = 128 << 20, .resident_bytes = …, .give_back_memory = …});
//   if (!memory.admits(request.size())) return fail(Errc::Overloaded, …);
//   memory.relieve();   // every so often, by a housekeeper
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/time.h"

namespace backstitch::ingest {

// Parts of the memory bound: open traces refuse new requests above the one, a seal batch holds the other at most.
inline constexpr uint64_t kOpenDivisor = 4;
inline constexpr uint64_t kGraceDivisor = 8;  // above it what was dropped is let go, before anything is refused
inline constexpr uint64_t kSealBatchDivisor = 48;
// What sealing takes: the batch as log records, as traces and as columns, and each column's encoders.
inline constexpr uint64_t kSealCopies = 3;
inline constexpr uint64_t kSealFixedBytes = 8 << 20;

struct MemoryBoundOptions {
  uint64_t bytes_max = 0;
  std::function<uint64_t()> resident_bytes = [] { return 0; };
  // Of these, what is held for what comes next, such as the room of traces that were sealed: filling it takes no more.
  std::function<uint64_t()> reusable_bytes = [] { return 0; };
  // What work that no request begins will take once it begins.
  std::function<uint64_t()> expected_bytes = [] { return 0; };
  // Asks the allocator to return what is free to the system: a bound that only freed memory passes must not hold.
  std::function<void()> give_back_memory = [] {};
};

// Thread-safe.
class MemoryBound {
 public:
  // The reserve, as a part of the bound and what connections' buffers take in any case. Measured under overload, what
  // came after the last admission took up to a fifth of a bound of 96 to 128 MiB.
  static constexpr uint64_t kReserveDivisor = 4;
  static constexpr uint64_t kReserveFixedBytes = 8 << 20;

  // `clock` outlives it.
  MemoryBound(const base::Clock& clock, MemoryBoundOptions options)
      : clock_(clock), options_(std::move(options)), reserve_bytes_(reserve(options_.bytes_max)) {}

  static constexpr uint64_t reserve(uint64_t bytes_max) {
    return std::min(bytes_max / kReserveDivisor + kReserveFixedBytes, bytes_max / 2);
  }

  // Whether a request of so many bytes may go on. It is in memory already, as the listener read it and as we got it,
  // and that is what the reserve is for: it counts against nothing else. Measures where the last time is some
  // milliseconds ago, so that those who bring memory wait for no other thread to notice; else it costs a look at the
  // clock.
  bool admits(uint64_t request_bytes);
  // While nothing is admitted, gives freed memory back, a few times a second at most: that takes long.
  void relieve();

 private:
  void measure();
  bool is_within(uint64_t request_bytes) const;

  const base::Clock& clock_;
  const MemoryBoundOptions options_;
  const uint64_t reserve_bytes_;
  std::atomic<uint64_t> used_bytes_{0};  // resident and not reusable, and expected
  std::atomic<base::Duration> measured_{-std::chrono::hours(1)};
  std::atomic<base::Duration> gave_back_{-std::chrono::hours(1)};
};

}  // namespace backstitch::ingest
