#include "app/load_run.h"

#include <algorithm>
#include <fmt/format.h>
#include <mutex>
#include <thread>
#include <vector>

#include "app/ack_log.h"
#include "app/terminal.h"
#include "base/bounded_queue.h"
#include "base/duration.h"
#include "base/json_writer.h"

namespace backstitch::app {

using base::Duration;
using base::Errc;
using base::Result;

namespace {

// Requests that wait for a sender: enough that none idles, few enough that --rate holds.
constexpr size_t kQueuedPerConnection = 2;
// What a server that was never reached gets before `gen` says so.
constexpr Duration kConnectPatience = std::chrono::seconds(5);
constexpr uint32_t kFailuresMax = 100;
// A server that refuses for now may be full, which is what some runs are for; but not for so long.
constexpr Duration kRefusedMax = std::chrono::minutes(2);
constexpr Duration kPoll = std::chrono::milliseconds(50);

class LoadRun {
 public:
  LoadRun(const LoadOptions& options, const base::Clock& clock, const std::atomic<bool>& stop)
      : options_(options),
        clock_(clock),
        stop_(stop),
        generator_(options.generator),
        queue_(kQueuedPerConnection * options.connections),
        begin_(clock.monotonic()) {}

  Result<LoadReport> run();

 private:
  Result<> open_files();
  Result<> produce();
  Result<> hand_over(gen::GeneratedRequest request);
  void send_all();
  void send_one(OtlpSender& sender, const gen::GeneratedRequest& request);
  Result<> write_out(const gen::GeneratedRequest& request);
  void keep_pace();
  bool is_enough() const;
  void show_progress();
  LoadReport finish_report();

  const LoadOptions& options_;
  const base::Clock& clock_;
  const std::atomic<bool>& stop_;
  gen::Generator generator_;
  base::BoundedQueue<std::optional<gen::GeneratedRequest>> queue_;  // nothing: no more come
  const Duration begin_;
  std::unique_ptr<OutputFile> out_;
  std::unique_ptr<OutputFile> truth_;
  std::string truth_lines_;
  std::unique_ptr<AckLog> acks_;
  std::atomic<bool> give_up_{false};
  std::atomic<bool> was_reached_{false};
  Duration next_progress_{0};

  std::mutex mutex_;  // of what senders write:
  uint32_t failures_in_a_row_ = 0;
  Duration last_success_ = begin_;
  LoadReport report_;
  std::vector<Duration> latencies_;
};

Result<> LoadRun::open_files() {
  const auto open = [](const std::string& path, std::unique_ptr<OutputFile>& file) -> Result<> {
    if (path.empty()) return {};
    Result<std::unique_ptr<OutputFile>> opened = OutputFile::create(path);
    if (!opened) return std::unexpected(std::move(opened.error()));
    file = std::move(*opened);
    return {};
  };
  if (Result<> done = open(options_.out, out_); !done) return done;
  if (Result<> done = open(options_.truth_file, truth_); !done) return done;
  if (options_.ack_file.empty()) return {};
  Result<std::unique_ptr<AckLog>> acks = AckLog::create(options_.ack_file);
  if (!acks) return std::unexpected(std::move(acks.error()));
  acks_ = std::move(*acks);
  return {};
}

Result<LoadReport> LoadRun::run() {
  if (Result<> done = open_files(); !done) return std::unexpected(std::move(done.error()));
  std::vector<std::jthread> senders;
  if (options_.target) {
    for (unsigned i = 0; i < options_.connections; ++i) senders.emplace_back([this] { send_all(); });
  }
  const Result<> produced = produce();
  for (size_t i = 0; i < senders.size(); ++i) queue_.push(std::nullopt, 0);
  senders.clear();
  if (options_.show_progress) clear_progress();
  if (!produced) return std::unexpected(produced.error());
  if (options_.target && !was_reached_ && report_.first_error) return std::unexpected(*report_.first_error);
  return finish_report();
}

bool LoadRun::is_enough() const {
  return (options_.traces_max != 0 && generator_.trace_count() >= options_.traces_max) ||
         (options_.spans_max != 0 && generator_.span_count() >= options_.spans_max) || stop_ || give_up_;
}

Result<> LoadRun::produce() {
  constexpr size_t kTruthBytes = 1 << 16;
  while (!is_enough()) {
    keep_pace();
    generator_.add_trace(options_.is_live ? std::optional(clock_.now()) : std::nullopt);
    if (truth_ || acks_) {
      const gen::TraceTruth truth = generator_.truth();
      if (acks_) acks_->expect(truth.id, truth.span_count);
      if (truth_) truth_lines_ += to_json(truth) + "\n";
    }
    if (truth_lines_.size() > kTruthBytes) {
      if (Result<> done = truth_->write(truth_lines_); !done) return done;
      truth_lines_.clear();
    }
    while (std::optional<gen::GeneratedRequest> request = generator_.take_request()) {
      if (Result<> done = hand_over(std::move(*request)); !done) return done;
    }
    show_progress();
  }
  if (!stop_) generator_.finish();
  while (std::optional<gen::GeneratedRequest> request = generator_.take_request()) {
    if (Result<> done = hand_over(std::move(*request)); !done) return done;
  }
  return truth_ ? truth_->write(truth_lines_) : Result<>();
}

// Sleeps until the spans made so far are due.
void LoadRun::keep_pace() {
  if (options_.spans_per_second <= 0) return;
  const double seconds = static_cast<double>(generator_.span_count()) / options_.spans_per_second;
  const Duration due = begin_ + Duration(static_cast<int64_t>(seconds * 1e9));
  while (!stop_ && !give_up_) {
    const Duration left = due - clock_.monotonic();
    if (left <= Duration(0)) return;
    std::this_thread::sleep_for(std::min(left, kPoll));
    show_progress();
  }
}

Result<> LoadRun::hand_over(gen::GeneratedRequest request) {
  if (out_) return write_out(request);
  while (!queue_.try_reserve(1)) {
    if (stop_ || give_up_) return {};
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    show_progress();
  }
  queue_.push(std::move(request), 1);
  return {};
}

Result<> LoadRun::write_out(const gen::GeneratedRequest& request) {
  std::string framed(10, '\0');
  framed.resize(static_cast<size_t>(gen::write_varint(request.bytes.size(), framed.data()) - framed.data()));
  framed += request.bytes;
  if (Result<> done = out_->write(framed); !done) return done;
  report_.bytes += request.bytes.size();
  ++report_.requests;
  return {};
}

void LoadRun::send_all() {
  const auto sender = OtlpSender::create(*options_.target, options_.sender, clock_);
  while (true) {
    std::optional<std::optional<gen::GeneratedRequest>> next = queue_.pop(kPoll);
    if (!next) continue;
    if (!*next) return;
    if (!stop_ && !give_up_) send_one(*sender, **next);
  }
}

void LoadRun::send_one(OtlpSender& sender, const gen::GeneratedRequest& request) {
  const Duration before = clock_.monotonic();
  const Result<SendOutcome> outcome = sender.send(request.bytes, stop_);
  const Duration took = clock_.monotonic() - before;
  if (outcome) was_reached_ = true;
  const std::lock_guard lock(mutex_);
  if (!outcome) {
    if (outcome.error().code == Errc::Cancelled) return;
    if (!report_.first_error) report_.first_error = outcome.error();
    report_.failed_spans += request.span_count;
    // A server that stays away, or refuses whatever it is sent, ends the run.
    const bool is_away = outcome.error().code == Errc::Unavailable && (options_.sender.retry || !was_reached_);
    const bool may_pass = is_worth_retrying(outcome.error().code) && before - last_success_ < kRefusedMax;
    if (is_away || (++failures_in_a_row_ >= kFailuresMax && !may_pass)) give_up_ = true;
    return;
  }
  failures_in_a_row_ = 0;
  last_success_ = before;
  ++report_.requests;
  report_.bytes += request.bytes.size();
  report_.retries += outcome->tries - 1;
  report_.rejected_spans += outcome->rejected_spans;
  report_.acknowledged_spans += request.span_count - std::min<uint64_t>(outcome->rejected_spans, request.span_count);
  latencies_.push_back(took);
  if (outcome->rejected_spans != 0) {
    if (!report_.first_error) report_.first_error = base::Error{Errc::InvalidArgument, outcome->message};
    return;
  }
  if (!acks_) return;
  const Result<> written = acks_->acknowledge(request);
  if (!written && !report_.first_error) report_.first_error = written.error();
}

void LoadRun::show_progress() {
  if (!options_.show_progress) return;
  const Duration now = clock_.monotonic();
  if (now < next_progress_) return;
  next_progress_ = now + std::chrono::milliseconds(250);
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const std::lock_guard lock(mutex_);
  const uint64_t done = options_.target ? report_.acknowledged_spans : generator_.span_count();
  progress_line(fmt::format("{} spans, {} a second, {} retries", grouped(done),
                            grouped(static_cast<uint64_t>(static_cast<double>(done) / std::max(seconds, 0.001))),
                            report_.retries));
}

LoadReport LoadRun::finish_report() {
  std::ranges::sort(latencies_);
  const auto quantile = [&](double share) {
    if (latencies_.empty()) return Duration(0);
    return latencies_[static_cast<size_t>(share * static_cast<double>(latencies_.size() - 1))];
  };
  report_.traces = generator_.trace_count();
  report_.spans = generator_.span_count();
  report_.elapsed = clock_.monotonic() - begin_;
  report_.latency_median = quantile(0.5);
  report_.latency_p95 = quantile(0.95);
  report_.latency_p99 = quantile(0.99);
  report_.latency_max = quantile(1);
  report_.was_stopped = stop_;
  return report_;
}

double per_second(uint64_t count, Duration elapsed) {
  return static_cast<double>(count) / std::max(std::chrono::duration<double>(elapsed).count(), 1e-9);
}

}  // namespace

Result<LoadReport> run_load(const LoadOptions& options, const base::Clock& clock, const std::atomic<bool>& stop) {
  LoadOptions checked = options;
  // Whoever never answered is not waited for as long as a server that restarts.
  if (checked.target && checked.sender.retry) {
    const auto probe_until = clock.monotonic() + kConnectPatience;
    OtlpSenderOptions once = checked.sender;
    once.retry = false;
    const auto probe = OtlpSender::create(*checked.target, once, clock);
    while (true) {
      const Result<SendOutcome> empty = probe->send("", stop);  // an empty request is valid and changes nothing
      if (empty || empty.error().code != Errc::Unavailable || stop) break;
      if (clock.monotonic() > probe_until) return std::unexpected(empty.error());
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }
  return LoadRun(checked, clock, stop).run();
}

std::string report_text(const LoadReport& report) {
  std::string text = fmt::format("{} traces, {} spans made in {}\n", grouped(report.traces), grouped(report.spans),
                                 base::format_duration(report.elapsed));
  if (!report.latency_max.count()) {
    return text +
           fmt::format("{} bytes written in {} requests: {:.1f} a span, {} spans a second\n", grouped(report.bytes),
                       grouped(report.requests),
                       static_cast<double>(report.bytes) / static_cast<double>(std::max<uint64_t>(report.spans, 1)),
                       grouped(static_cast<uint64_t>(per_second(report.spans, report.elapsed))));
  }
  text += fmt::format("{} spans acknowledged in {} requests: {} spans a second, {:.1f} MB/s\n",
                      grouped(report.acknowledged_spans), grouped(report.requests),
                      grouped(static_cast<uint64_t>(per_second(report.acknowledged_spans, report.elapsed))),
                      per_second(report.bytes, report.elapsed) / 1e6);
  text += fmt::format("acknowledged within: median {}, 95% {}, 99% {}, all {}\n",
                      base::format_duration(report.latency_median), base::format_duration(report.latency_p95),
                      base::format_duration(report.latency_p99), base::format_duration(report.latency_max));
  if (report.retries + report.rejected_spans + report.failed_spans != 0) {
    text += fmt::format("{} retries, {} spans rejected, {} spans given up\n", grouped(report.retries),
                        grouped(report.rejected_spans), grouped(report.failed_spans));
  }
  return text;
}

std::string report_json(const LoadReport& report) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.field("traces", report.traces);
  json.field("spans", report.spans);
  json.field("acknowledgedSpans", report.acknowledged_spans);
  json.field("rejectedSpans", report.rejected_spans);
  json.field("failedSpans", report.failed_spans);
  json.field("requests", report.requests);
  json.field("bytes", report.bytes);
  json.field("retries", report.retries);
  json.field("seconds", std::chrono::duration<double>(report.elapsed).count());
  json.field("spansPerSecond", per_second(report.acknowledged_spans, report.elapsed));
  const auto latency = [&](std::string_view name, Duration duration) {
    json.field(name, std::chrono::duration<double, std::milli>(duration).count());
  };
  latency("latencyMedianMs", report.latency_median);
  latency("latencyP95Ms", report.latency_p95);
  latency("latencyP99Ms", report.latency_p99);
  latency("latencyMaxMs", report.latency_max);
  json.field("interrupted", report.was_stopped);
  json.end_object();
  return out + "\n";
}

}  // namespace backstitch::app
