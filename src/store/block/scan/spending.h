// What one scan has spent of its budget, and the bound that ends it.
#pragma once

#include <atomic>
#include <cstdint>

#include "store/block/block_index.h"
#include "store/block/scan/scan_context.h"
#include "store/contract/trace_search.h"

namespace backstitch::store::block {

// Thread-safe. Borrows both for its life.
class Spending {
 public:
  Spending(const SearchBudget& budget, const ScanContext& context);

  void count_page(uint32_t bytes);
  // False once a bound is passed; the first time it is counted.
  bool may_go_on();
  bool is_bounded() const { return is_bounded_.load(std::memory_order_relaxed); }

  // A group that cannot be read. Once a bound has ended the scan it may be whole: its dictionaries were left half read.
  void count_corrupt_group() {
    has_corrupt_.store(true, std::memory_order_relaxed);
    if (!is_bounded()) context_.metrics.groups_corrupt.add();
  }
  bool is_partial() const { return is_bounded() || has_corrupt_.load(std::memory_order_relaxed); }
  ScanMetrics& metrics() const { return context_.metrics; }

 private:
  const SearchBudget& budget_;
  const ScanContext& context_;
  const base::Duration began_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> is_bounded_{false};
  std::atomic<bool> has_corrupt_{false};
};

}  // namespace backstitch::store::block
