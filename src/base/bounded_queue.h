// A queue with a bound that is reserved before it is used: a producer first takes room, then does the work that
// must not be undone (the log append), then pushes. A push after a reservation cannot fail, so nothing that was
// acknowledged is dropped for want of room.
//
//   if (!queue.try_reserve(cost)) return fail(Errc::Overloaded, …);
//   log.append(…);
//   queue.push(std::move(item), cost);
//
// Many producers, one consumer. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace backstitch::base {

template <typename T>
class BoundedQueue {
 public:
  // `capacity` is in the unit of the costs: items, spans or bytes.
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  bool try_reserve(size_t cost) {
    const std::lock_guard lock(mutex_);
    if (cost > capacity_ - reserved_) return false;
    reserved_ += cost;
    return true;
  }
  // Gives a reservation back unused.
  void release(size_t cost) {
    const std::lock_guard lock(mutex_);
    reserved_ -= cost;
  }
  // `cost` was reserved before; 0 for control messages, which always fit.
  void push(T item, size_t cost) {
    {
      const std::lock_guard lock(mutex_);
      items_.emplace_back(std::move(item), cost);
    }
    ready_.notify_one();
  }
  // Waits until an item comes, at most `wait`. The item's reservation ends here.
  std::optional<T> pop(std::chrono::nanoseconds wait) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, wait, [this] { return !items_.empty(); })) return std::nullopt;
    auto [item, cost] = std::move(items_.front());
    items_.pop_front();
    reserved_ -= cost;
    return std::move(item);
  }
  size_t reserved() const {
    const std::lock_guard lock(mutex_);
    return reserved_;
  }
  size_t capacity() const { return capacity_; }

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::pair<T, size_t>> items_;
  size_t reserved_ = 0;
};

}  // namespace backstitch::base
