#include "ingest/memory_bound.h"

#include <algorithm>

namespace backstitch::ingest {
namespace {

constexpr base::Duration kMeasureInterval = std::chrono::milliseconds(10);
constexpr base::Duration kGiveBackInterval = std::chrono::milliseconds(250);
constexpr uint64_t kCopiesOfRequest = 2;

// True for one of all threads that ask, once an interval.
bool is_due(std::atomic<base::Duration>& last, base::Duration now, base::Duration interval) {
  base::Duration seen = last.load(std::memory_order_relaxed);
  return now >= seen + interval && last.compare_exchange_strong(seen, now);
}

}  // namespace

bool MemoryBound::admits(uint64_t request_bytes) {
  if (is_due(measured_, clock_.monotonic(), kMeasureInterval)) measure();
  return is_within(request_bytes);
}

void MemoryBound::relieve() {
  measure();
  if (is_within(0) || !is_due(gave_back_, clock_.monotonic(), kGiveBackInterval)) return;
  options_.give_back_memory();
  measure();
}

void MemoryBound::measure() {
  const uint64_t resident = options_.resident_bytes();
  used_bytes_ = resident - std::min(resident, options_.reusable_bytes()) + options_.expected_bytes();
}

bool MemoryBound::is_within(uint64_t request_bytes) const {
  const uint64_t own = std::min(request_bytes * kCopiesOfRequest, reserve_bytes_);
  return used_bytes_.load() < options_.bytes_max - reserve_bytes_ + own;
}

}  // namespace backstitch::ingest
