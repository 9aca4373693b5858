// Ended spans on their way to the exporter's thread: a bounded queue that nobody waits for. Dmitry Vyukov's: each cell
// has a number that says whose turn it is, so that a push is one compare-and-swap.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace backstitch::sdk {

template <typename T>
class SpanQueue {
 public:
  // Throws for memory. The capacity is rounded up to a power of two, at least 2.
  explicit SpanQueue(size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? size_t{2} : capacity) - 1), cells_(new Cell[mask_ + 1]) {
    reset();
  }

  // How many have ever been pushed, with this one; 0 where it is full. `item` is not null. Does not look at the other
  // end, which would cost a cache miss.
  uint64_t push(T* item) noexcept {
    uint64_t at = tail_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at & mask_];
      const auto lead = static_cast<int64_t>(cell.turn.load(std::memory_order_acquire) - at);
      if (lead < 0) return 0;
      if (lead > 0) {
        at = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        cell.item = item;
        cell.turn.store(at + 1, std::memory_order_release);
        return at + 1;
      }
    }
  }

  // Null where it is empty, or where the next one is only just being pushed.
  T* pop() noexcept {
    uint64_t at = head_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at & mask_];
      const auto lead = static_cast<int64_t>(cell.turn.load(std::memory_order_acquire) - (at + 1));
      if (lead < 0) return nullptr;
      if (lead > 0) {
        at = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        T* const item = cell.item;
        cell.turn.store(at + mask_ + 1, std::memory_order_release);
        return item;
      }
    }
  }

  size_t capacity() const noexcept { return mask_ + 1; }
  // How many were ever pushed and popped.
  uint64_t pushed() const noexcept { return tail_.load(std::memory_order_acquire); }
  uint64_t popped() const noexcept { return head_.load(std::memory_order_acquire); }
  size_t size() const noexcept {
    const uint64_t head = popped();
    const uint64_t tail = pushed();
    return tail > head ? static_cast<size_t>(tail - head) : 0;
  }
  bool empty() const noexcept { return size() == 0; }

  // Forgets everything. In a forked child: a push that another thread had begun is never finished there.
  void reset() noexcept {
    for (size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
    head_.store(0, std::memory_order_relaxed);
    tail_.store(0, std::memory_order_relaxed);
  }

 private:
  struct Cell {
    std::atomic<uint64_t> turn;
    T* item;
  };

  const uint64_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<uint64_t> tail_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

}  // namespace backstitch::sdk
