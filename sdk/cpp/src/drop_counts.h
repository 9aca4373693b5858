// How many spans were lost, by reason, and how many arrived.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "backstitch/tracer_provider.h"

namespace backstitch::sdk {

using DropSnapshot = std::array<uint64_t, kDropReasonCount>;

class DropCounts {
 public:
  void add(DropReason reason, uint64_t spans = 1) noexcept {
    dropped_[static_cast<size_t>(reason)].fetch_add(spans, std::memory_order_relaxed);
  }
  void add_exported(uint64_t spans) noexcept { exported_.fetch_add(spans, std::memory_order_relaxed); }
  DropSnapshot dropped() const noexcept {
    DropSnapshot snapshot;
    for (size_t i = 0; i < kDropReasonCount; ++i) snapshot[i] = dropped_[i].load(std::memory_order_relaxed);
    return snapshot;
  }
  uint64_t exported() const noexcept { return exported_.load(std::memory_order_relaxed); }
  // In a forked child, which is another process with counts of its own.
  void reset() noexcept {
    for (auto& count : dropped_) count.store(0, std::memory_order_relaxed);
    exported_.store(0, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, kDropReasonCount> dropped_{};
  std::atomic<uint64_t> exported_{0};
};

}  // namespace backstitch::sdk
