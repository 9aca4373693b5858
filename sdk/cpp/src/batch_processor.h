// Takes spans as they end, in any thread, and exports them in batches from a thread of its own: OpenTelemetry's batch
// span processor. The thread is started by the first span, so that a server that forks its workers first has one in
// each of them; a child that was forked later starts its own in the same way.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "src/process.h"
#include "src/request_encoder.h"
#include "src/span_queue.h"
#include "src/waiter.h"

namespace backstitch::sdk {

struct BatchProcessorOptions {
  BatchOptions batch;
  Resource resource;
  bool has_instance_id = false;  // else each process makes one
  std::shared_ptr<SpanExporter> exporter;
  std::shared_ptr<Waiter> waiter;
  std::function<void(std::string_view)> on_problem;
  std::function<void()> on_tick;  // now and then, from the exporter's thread
};

class BatchProcessor final : public ForkListener, public std::enable_shared_from_this<BatchProcessor> {
 public:
  // A request ends where its spans pass this; a server takes 64 MiB.
  static constexpr size_t kRequestBytesMax = 4 << 20;
  // OTLP: exponential backoff with jitter.
  static constexpr std::chrono::milliseconds kBackoffMin{1'000}, kBackoffMax{5'000};
  // Counts of drops go out at most so often: each new count is another resource to the server.
  static constexpr std::chrono::seconds kReportInterval{5};

  // Throws for memory.
  explicit BatchProcessor(BatchProcessorOptions options);
  ~BatchProcessor() override;

  // Takes a reference of its own, or counts a drop. Never blocks.
  void enqueue(SpanRecording& span) noexcept;
  // The same for a failure that was not sampled, which must not wait behind the others. False where there is no room.
  bool enqueue_failure(SpanRecording& span) noexcept;
  bool force_flush(std::chrono::milliseconds timeout) noexcept;
  bool shutdown(std::chrono::milliseconds timeout) noexcept;
  void count_without_memory() noexcept { counts_.add(DropReason::NoMemory); }
  bool is_running() const noexcept { return state_.load(std::memory_order_relaxed) == State::Running; }
  Stats stats() const noexcept { return {.exported = counts_.exported(), .dropped = counts_.dropped()}; }

  void after_fork() noexcept override;

 private:
  enum class State : uint8_t { Running, Stopping, Stopped };
  // What a child must not touch: it makes another and forgets this.
  struct Worker {
    std::mutex mutex;
    std::condition_variable changed;  // finished, or the thread is gone
    std::thread thread;
    uint64_t finished = 0;  // spans exported or dropped
    uint64_t finished_failures = 0;
    bool has_ended = false;
  };

  void wake() noexcept;
  bool ensure_thread() noexcept;
  void drop(SpanRecording& span, DropReason reason) noexcept;
  void drop_queues(DropReason reason) noexcept;
  SpanRecording* take_next() noexcept;
  bool is_empty() const noexcept { return queue_.empty() && failures_.empty(); }
  // The exporter's thread:
  void run() noexcept;
  void serve_until_stopped();
  void drain() noexcept;
  void export_batch() noexcept;
  void send(size_t span_count) noexcept;
  ExportResult try_until_deadline(size_t span_count) noexcept;
  bool wait_before_retry(std::chrono::milliseconds delay, Waiter::Clock::time_point deadline) noexcept;
  void refresh_resource(bool is_last);
  void report_drops(bool is_last) noexcept;
  void tell(const ExportResult& result, uint64_t span_count) noexcept;
  bool has_work() const noexcept;
  bool is_filled() const noexcept;
  Waiter::Clock::time_point stop_deadline() const noexcept;
  void note_finished() noexcept;

  BatchProcessorOptions options_;
  SpanQueue<SpanRecording> queue_;
  SpanQueue<SpanRecording> failures_;
  std::atomic<uint64_t> queued_bytes_{0};
  std::atomic<State> state_{State::Running};
  std::atomic<bool> has_thread_{false};
  std::atomic<bool> is_woken_{false};
  std::atomic<uint64_t> flush_wanted_{0};  // up to which push
  std::atomic<uint64_t> flush_failures_wanted_{0};
  std::atomic<Waiter::Clock::rep> stop_deadline_{Waiter::Clock::time_point::max().time_since_epoch().count()};
  DropCounts counts_;
  std::unique_ptr<Worker> worker_;

  // Of the exporter's thread.
  Resource own_resource_;  // with an instance id
  std::string resource_;   // encoded, with the counts of `written_`
  DropSnapshot written_{}, reported_{};
  Waiter::Clock::time_point next_report_{};
  std::vector<SpanRecording*> batch_;
  std::string request_;
  base::Random jitter_;
};

}  // namespace backstitch::sdk
