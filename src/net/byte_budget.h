// A bound on bytes that many holders share, such as the request bodies of all connections of one server.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>

namespace backstitch::net {

class ByteBudget {
 public:
  explicit ByteBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // All of `bytes` or nothing.
  bool try_take(size_t bytes) {
    size_t taken = taken_.load(std::memory_order_relaxed);
    while (bytes <= bytes_max_ - taken) {
      if (taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  // `bytes` were taken before.
  void give(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }
  size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> taken_{0};
};

}  // namespace backstitch::net
