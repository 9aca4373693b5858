#include "store/block/scan/spending.h"

namespace backstitch::store::block {

Spending::Spending(const SearchBudget& budget, const ScanContext& context)
    : budget_(budget), context_(context), began_(context.clock.monotonic()) {}

void Spending::count_page(uint32_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  context_.metrics.pages_read.add();
  context_.metrics.bytes_read.add(bytes);
}

bool Spending::may_go_on() {
  if (is_bounded()) return false;
  base::Counter* bound = nullptr;
  if (budget_.stop.stop_requested()) {
    bound = &context_.metrics.cancelled;
  } else if (bytes_.load(std::memory_order_relaxed) > budget_.bytes_max) {
    bound = &context_.metrics.bounded_by_bytes;
  } else if (context_.clock.monotonic() - began_ > budget_.time_max) {
    bound = &context_.metrics.bounded_by_time;
  }
  if (bound == nullptr) return true;
  if (!is_bounded_.exchange(true)) bound->add();
  return false;
}

}  // namespace backstitch::store::block
