#include "base/workers.h"

#include <algorithm>
#include <atomic>
#include <cassert>

namespace backstitch::base {

// Lives on the stack of its run(), which waits until nobody else looks at it.
struct Workers::Job {
  const std::function<void(size_t)>& work;
  const size_t count;
  std::atomic<size_t> next{0};
  size_t helpers = 0;  // threads that look at it; guarded by mutex_

  bool has_more() const { return next.load(std::memory_order_relaxed) < count; }
  void take_all() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  }
};

Workers::Workers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { help_until_stopped(); });
}

Workers::~Workers() {
  {
    const std::scoped_lock lock(mutex_);
    assert(jobs_.empty());
    is_stopping_ = true;
  }
  has_work_.notify_all();
}

void Workers::run(size_t count, const std::function<void(size_t)>& work) {
  if (threads_.empty() || count < 2) {
    for (size_t i = 0; i < count; ++i) work(i);
    return;
  }
  Job job{.work = work, .count = count};
  {
    const std::scoped_lock lock(mutex_);
    jobs_.push_back(&job);
  }
  has_work_.notify_all();
  job.take_all();
  std::unique_lock lock(mutex_);
  std::erase(jobs_, &job);
  is_done_.wait(lock, [&] { return job.helpers == 0; });
}

Workers::Job* Workers::next_job() {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(), [](const Job* job) { return job->has_more(); });
  return found == jobs_.end() ? nullptr : *found;
}

void Workers::help_until_stopped() {
  std::unique_lock lock(mutex_);
  while (true) {
    Job* job = nullptr;
    has_work_.wait(lock, [&] { return is_stopping_ || (job = next_job()) != nullptr; });
    if (job == nullptr) return;
    ++job->helpers;
    lock.unlock();
    job->take_all();
    lock.lock();
    if (--job->helpers == 0) is_done_.notify_all();
  }
}

}  // namespace backstitch::base
