// The exporter thread's clock and alarm, so that tests can run its hours in no time.
#pragma once

#include <chrono>
#include <memory>
#include <semaphore.h>

namespace backstitch::sdk {

class Waiter {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~Waiter() = default;
  virtual Clock::time_point now() noexcept = 0;
  // Returns when it is `time`, or at once for each wake(), past ones included.
  virtual void wait_until(Clock::time_point time) noexcept = 0;
  // From any thread; never blocks.
  virtual void wake() noexcept = 0;
  // In a forked child: nobody waits any more.
  virtual void reset() noexcept {}
};

class SystemWaiter final : public Waiter {
 public:
  SystemWaiter() { sem_init(&semaphore_, 0, 0); }
  ~SystemWaiter() override { sem_destroy(&semaphore_); }

  Clock::time_point now() noexcept override { return Clock::now(); }
  void wait_until(Clock::time_point time) noexcept override;
  void wake() noexcept override { sem_post(&semaphore_); }
  void reset() noexcept override { sem_init(&semaphore_, 0, 0); }

 private:
  sem_t semaphore_;
};

}  // namespace backstitch::sdk
