#include "src/batch_processor.h"

#include <csignal>
#include <cstring>
#include <new>
#include <pthread.h>

#include "src/id_generator.h"

namespace backstitch::sdk {
namespace {

using Milliseconds = std::chrono::milliseconds;

// How long shutdown waits on after it has told the exporter to give up.
constexpr Milliseconds kCancelGrace{250};

// A thread that takes no signals: they are the host's.
template <typename Function>
std::thread thread_without_signals(Function&& function) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{before};
  return std::thread(std::forward<Function>(function));
}

// To `wanted`, where it is less.
void raise(std::atomic<uint64_t>& number, uint64_t wanted) {
  uint64_t before = number.load();
  while (before < wanted && !number.compare_exchange_weak(before, wanted)) {
  }
}

uint64_t random_seed() {
  const SpanId id = random_span_id();
  uint64_t seed;
  std::memcpy(&seed, id.bytes.data(), sizeof seed);
  return seed;
}

}  // namespace

BatchProcessor::BatchProcessor(BatchProcessorOptions options)
    : options_(std::move(options)),
      queue_(options_.batch.queue_spans_max),
      failures_(options_.batch.failures_max),
      worker_(std::make_unique<Worker>()),
      jitter_(random_seed()) {
  batch_.reserve(options_.batch.batch_spans_max);
  add_fork_listener(*this);
}

BatchProcessor::~BatchProcessor() {
  remove_fork_listener(*this);
  drop_queues(DropReason::AfterShutdown);
}

void BatchProcessor::drop(SpanRecording& span, DropReason reason) noexcept {
  counts_.add(reason);
  span.release();
}

SpanRecording* BatchProcessor::take_next() noexcept {
  SpanRecording* const failure = failures_.pop();
  return failure != nullptr ? failure : queue_.pop();
}

void BatchProcessor::drop_queues(DropReason reason) noexcept {
  while (SpanRecording* const span = take_next()) drop(*span, reason);
}

void BatchProcessor::enqueue(SpanRecording& span) noexcept {
  if (!is_running()) {
    counts_.add(DropReason::AfterShutdown);
    return;
  }
  span.retain();
  const uint64_t footprint = span.footprint();
  const uint64_t bytes = queued_bytes_.fetch_add(footprint, std::memory_order_relaxed) + footprint;
  const uint64_t place = bytes > options_.batch.queue_bytes_max ? 0 : queue_.push(&span);
  if (place == 0) {
    queued_bytes_.fetch_sub(footprint, std::memory_order_relaxed);
    wake();
    return drop(span, DropReason::QueueFull);
  }
  if (!has_thread_.load(std::memory_order_acquire)) [[unlikely]] {
    ensure_thread();
  }
  // Once for each batch, about: the thread sees for itself whether there is one.
  if (place % options_.batch.batch_spans_max == 0) wake();
  // Shut down in the meantime: the thread may have looked for the last time.
  if (state_.load(std::memory_order_seq_cst) == State::Stopped) drop_queues(DropReason::AfterShutdown);
}

bool BatchProcessor::enqueue_failure(SpanRecording& span) noexcept {
  if (!is_running()) {
    counts_.add(DropReason::AfterShutdown);
    return true;
  }
  span.retain();
  const uint64_t footprint = span.footprint();
  queued_bytes_.fetch_add(footprint, std::memory_order_relaxed);  // the exporter takes it off again
  const uint64_t place = failures_.push(&span);
  if (place == 0) {
    queued_bytes_.fetch_sub(footprint, std::memory_order_relaxed);
    wake();
    drop(span, DropReason::QueueFull);
    return false;
  }
  if (!has_thread_.load(std::memory_order_acquire)) ensure_thread();
  if (place % (failures_.capacity() / 2) == 0) wake();
  if (state_.load(std::memory_order_seq_cst) == State::Stopped) drop_queues(DropReason::AfterShutdown);
  return true;
}

void BatchProcessor::wake() noexcept {
  if (!is_woken_.load(std::memory_order_relaxed) && !is_woken_.exchange(true)) options_.waiter->wake();
}

bool BatchProcessor::ensure_thread() noexcept {
  try {
    const std::scoped_lock lock(worker_->mutex);
    if (has_thread_.load(std::memory_order_relaxed)) return true;
    if (state_.load(std::memory_order_relaxed) == State::Stopped) return false;
    worker_->thread = thread_without_signals([self = shared_from_this()] { self->run(); });
    has_thread_.store(true, std::memory_order_release);
    return true;
  } catch (...) {  // no thread to be had: the next span tries again, and the queue's bound holds
    return false;
  }
}

bool BatchProcessor::force_flush(Milliseconds timeout) noexcept {
  const uint64_t wanted = queue_.pushed(), wanted_failures = failures_.pushed();
  try {
    if (!is_running()) return false;
    if (wanted == 0 && wanted_failures == 0) return true;
    if (!ensure_thread()) return false;
    raise(flush_wanted_, wanted);
    raise(flush_failures_wanted_, wanted_failures);
    options_.waiter->wake();
    std::unique_lock lock(worker_->mutex);
    const auto is_done = [&] { return worker_->finished >= wanted && worker_->finished_failures >= wanted_failures; };
    worker_->changed.wait_for(lock, timeout, [&] { return is_done() || worker_->has_ended; });
    return is_done();
  } catch (...) {
    return false;
  }
}

bool BatchProcessor::shutdown(Milliseconds timeout) noexcept {
  try {
    State running = State::Running;
    if (!is_running()) return true;
    stop_deadline_.store((options_.waiter->now() + timeout).time_since_epoch().count());
    if (!state_.compare_exchange_strong(running, State::Stopping)) return true;
    const bool has_work = has_thread_.load() || !is_empty();
    if (!has_work || !ensure_thread()) {
      state_.store(State::Stopped);
      drop_queues(DropReason::ShutdownTimeout);
      return !has_work;
    }
    options_.waiter->wake();
    std::unique_lock lock(worker_->mutex);
    const auto ended = [&] { return worker_->has_ended; };
    const bool is_in_time = worker_->changed.wait_for(lock, timeout, ended);
    if (!is_in_time) {
      options_.exporter->cancel();
      worker_->changed.wait_for(lock, kCancelGrace, ended);
    }
    const bool has_ended = worker_->has_ended;
    lock.unlock();
    // A thread that hangs, in a name lookup say, keeps what it needs alive by itself.
    if (has_ended) {
      worker_->thread.join();
      options_.exporter.reset();  // its connections, and whatever the host's own does when it goes
    } else {
      worker_->thread.detach();
    }
    return is_in_time && counts_.dropped()[static_cast<size_t>(DropReason::ShutdownTimeout)] == 0;
  } catch (...) {
    state_.store(State::Stopped);
    return false;
  }
}

// Only this thread is left, and nobody ever opens a lock that another one held. What the queue holds is the parent's to
// export; here it is forgotten, as are its counts.
void BatchProcessor::after_fork() noexcept {
  (void)worker_.release();
  worker_.reset(new (std::nothrow) Worker);
  const bool goes_on = worker_ != nullptr && state_.load() == State::Running;
  state_.store(goes_on ? State::Running : State::Stopped);
  has_thread_.store(false);
  is_woken_.store(false);
  flush_wanted_.store(0);
  flush_failures_wanted_.store(0);
  queued_bytes_.store(0);
  queue_.reset();
  failures_.reset();
  counts_.reset();
  new (&batch_) std::vector<SpanRecording*>();  // another thread may have been in the midst of them
  new (&request_) std::string();
  new (&resource_) std::string();
  new (&own_resource_) Resource();
  written_ = reported_ = {};
  options_.waiter->reset();
  if (options_.exporter) options_.exporter->after_fork();
}

}  // namespace backstitch::sdk
