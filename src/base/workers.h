// A few threads that help whoever has many independent things to do: searching many blocks, for one.
//
// There is no queue of tasks: whoever calls run() works too, and the threads that are idle join in. So a call always
// gets on, however busy the threads are, and what waits is bounded by the number of callers.
//
//   Workers workers(2);  // made once, by `app`
//   workers.run(blocks.size(), [&](size_t i) { found[i] = search(blocks[i]); });
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace backstitch::base {

// Thread-safe; run() may be called inside a run(). No run() may be going on when it is destroyed.
class Workers {
 public:
  // With 0 threads the caller does everything.
  explicit Workers(size_t threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Calls work(0) … work(count - 1), each once, in no order and on any thread, and returns when all have returned.
  // `work` does not throw and is borrowed for the call.
  void run(size_t count, const std::function<void(size_t)>& work);

  size_t threads() const { return threads_.size(); }

 private:
  struct Job;
  void help_until_stopped();
  // A job that has something left to be taken, or nullptr. With mutex_ held.
  Job* next_job();

  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable is_done_;
  std::vector<Job*> jobs_;  // one for each run() that is going on; guarded by mutex_, as the two below
  bool is_stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace backstitch::base
