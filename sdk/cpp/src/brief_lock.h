// A lock over a few dozen instructions at a time, which two threads hardly ever want at once: a span that is being
// recorded. Half the price of a std::mutex, whose unlock has to ask whether somebody sleeps.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace backstitch::sdk {

class BriefLock {
 public:
  void lock() noexcept {
    while (is_held_.exchange(true, std::memory_order_acquire)) [[unlikely]] {
      wait();
    }
  }
  void unlock() noexcept { is_held_.store(false, std::memory_order_release); }

 private:
  // Whoever holds it runs, or has lost its core: then it is given one, whatever the priorities.
  void wait() const noexcept {
    constexpr int kYields = 32;
    constexpr std::chrono::microseconds kSleep{20};
    for (int i = 0; i < kYields; ++i) {
      if (!is_held_.load(std::memory_order_relaxed)) return;
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(kSleep);
  }

  std::atomic<bool> is_held_{false};
};

}  // namespace backstitch::sdk
