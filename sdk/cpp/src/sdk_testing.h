// An exporter that keeps what it is given and answers as it is told, and a clock that runs when it is told.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "backstitch/sdk.h"
#include "src/waiter.h"
#include "wire/otlp/decode.h"

namespace backstitch::sdk {

class FakeExporter final : public SpanExporter {
 public:
  ExportResult export_request(std::string_view request, size_t span_count,
                              std::chrono::milliseconds timeout) noexcept override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !is_held_ || is_cancelled_; });
    timeouts_.push_back(timeout);
    ++calls_;
    ExportResult result = otherwise_;
    if (!answers_.empty()) {
      result = answers_.front();
      answers_.pop_front();
    }
    if (is_cancelled_) result.outcome = ExportResult::Outcome::Refused;
    if (result.outcome == ExportResult::Outcome::Done) {
      requests_.emplace_back(request);
      spans_ += span_count;
    }
    changed_.notify_all();
    return result;
  }
  void cancel() noexcept override {
    const std::scoped_lock lock(mutex_);
    is_cancelled_ = true;
    changed_.notify_all();
  }
  // Its own thread may have been in the midst of anything.
  void after_fork() noexcept override {
    new (&mutex_) std::mutex;
    new (&changed_) std::condition_variable;
    new (&requests_) std::vector<std::string>;
    new (&timeouts_) std::vector<std::chrono::milliseconds>;
    ++forks;
  }

  // The next answers, in order; `otherwise` after them.
  void answer(std::deque<ExportResult> answers, ExportResult otherwise = {}) {
    const std::scoped_lock lock(mutex_);
    answers_ = std::move(answers);
    otherwise_ = otherwise;
  }
  // Until release(), calls don't return.
  void hold() { set_held(true); }
  void release() { set_held(false); }

  size_t calls() const { return copy(calls_); }
  size_t spans() const { return copy(spans_); }
  std::vector<std::string> requests() const { return copy(requests_); }
  std::vector<std::chrono::milliseconds> timeouts() const { return copy(timeouts_); }
  // All that was taken, as the server reads it.
  model::SpanSet decoded() const {
    std::string all;
    for (const std::string& one : requests()) all += one;  // messages of protobuf join so
    return wire::otlp::decode_request(all).value();
  }

  std::atomic<int> forks{0};

 private:
  template <typename T>
  T copy(const T& member) const {
    const std::scoped_lock lock(mutex_);
    return member;
  }
  void set_held(bool is_held) {
    const std::scoped_lock lock(mutex_);
    is_held_ = is_held;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false, is_cancelled_ = false;
  size_t calls_ = 0, spans_ = 0;
  std::deque<ExportResult> answers_;
  ExportResult otherwise_;
  std::vector<std::string> requests_;
  std::vector<std::chrono::milliseconds> timeouts_;
};

// Whoever waits sees the clock go to the end of each wait at once if `is_fast`; else when the test advances it.
class FakeWaiter final : public Waiter {
 public:
  explicit FakeWaiter(bool is_fast = false) : is_fast_(is_fast) {}

  Clock::time_point now() noexcept override {
    const std::scoped_lock lock(mutex_);
    return now_;
  }
  void wait_until(Clock::time_point time) noexcept override {
    std::unique_lock lock(mutex_);
    ++waits_;
    changed_.notify_all();
    if (is_fast_ && time > now_ && wakes_ == 0) {
      waited_.push_back(std::chrono::floor<std::chrono::milliseconds>(time - now_));
      now_ = time;
    }
    changed_.wait(lock, [&] { return now_ >= time || wakes_ > 0; });
    if (now_ < time) --wakes_;
    --waits_;
  }
  void wake() noexcept override {
    const std::scoped_lock lock(mutex_);
    ++wakes_;
    changed_.notify_all();
  }
  void advance(std::chrono::milliseconds by) {
    std::unique_lock lock(mutex_);
    now_ += by;
    changed_.notify_all();
  }
  // Until the exporter's thread has nothing to do.
  void await_idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waits_ > 0 && wakes_ == 0; });
  }
  std::vector<std::chrono::milliseconds> waited() {
    const std::scoped_lock lock(mutex_);
    return waited_;
  }

 private:
  const bool is_fast_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Clock::time_point now_{std::chrono::hours(1)};
  int waits_ = 0, wakes_ = 0;
  std::vector<std::chrono::milliseconds> waited_;
};

// Polls until it is true, or for 20 seconds.
template <typename Check>
bool eventually(Check check) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!check()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// A provider whose spans end up in `exporter`.
struct Traced {
  std::shared_ptr<FakeExporter> exporter = std::make_shared<FakeExporter>();
  std::shared_ptr<TracerProvider> provider;
  Tracer tracer;

  explicit Traced(TracerProviderOptions options = {}, std::string service = "test") {
    options.exporter = exporter;
    options.resource.emplace_back("service.name", std::move(service));
    provider = TracerProvider::create(std::move(options));
    tracer = provider->get_tracer("scope", "1.0", "https://schema", {{"k", "v"}});
  }
  // Flushed.
  model::SpanSet spans() {
    provider->force_flush(std::chrono::seconds(20));
    return exporter->decoded();
  }
};

}  // namespace backstitch::sdk
