// What BatchProcessor's own thread does.
#include <algorithm>

#include "src/batch_processor.h"
#include "src/id_generator.h"

namespace backstitch::sdk {
namespace {

using Milliseconds = std::chrono::milliseconds;
using TimePoint = Waiter::Clock::time_point;

// RFC 9562, version 4.
std::string random_uuid() {
  TraceId id = random_trace_id();
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  std::string text = id.to_hex();
  for (const size_t at : {20, 16, 12, 8}) text.insert(at, 1, '-');
  return text;
}

}  // namespace

void BatchProcessor::run() noexcept {
  try {
    own_resource_ = options_.resource;
    if (!options_.has_instance_id) own_resource_.attributes.emplace_back("service.instance.id", random_uuid());
    resource_ = encode_resource(own_resource_, written_);
    serve_until_stopped();
  } catch (...) {  // no memory to begin with; the spans are counted below
  }
  drain();
  state_.store(State::Stopped, std::memory_order_seq_cst);
  drop_queues(DropReason::ShutdownTimeout);
  try {
    const std::scoped_lock lock(worker_->mutex);
    worker_->finished = queue_.popped();
    worker_->finished_failures = failures_.popped();
    worker_->has_ended = true;
    worker_->changed.notify_all();
  } catch (...) {  // a mutex fails only for bugs
  }
}

void BatchProcessor::serve_until_stopped() {
  TimePoint due = options_.waiter->now() + options_.batch.schedule_delay;
  while (is_running()) {
    if (!has_work()) options_.waiter->wait_until(due);
    is_woken_.store(false);
    const bool is_due = options_.waiter->now() >= due;
    const uint64_t flush = flush_wanted_.load(), flush_failures = flush_failures_wanted_.load();
    while (is_filled() && is_running()) export_batch();
    const uint64_t last = is_due ? queue_.pushed() : flush;
    const uint64_t last_failure = is_due ? failures_.pushed() : flush_failures;
    while ((queue_.popped() < last || failures_.popped() < last_failure) && is_running()) export_batch();
    if (!is_due) continue;
    if (options_.on_tick) options_.on_tick();
    report_drops(/*is_last=*/false);
    due = options_.waiter->now() + options_.batch.schedule_delay;
  }
}

// A wake() that came while a batch was being sent was spent on that wait.
bool BatchProcessor::has_work() const noexcept {
  return is_filled() || queue_.popped() < flush_wanted_.load() || failures_.popped() < flush_failures_wanted_.load();
}

// There is a batch, or failures run out of room.
bool BatchProcessor::is_filled() const noexcept {
  return queue_.size() >= options_.batch.batch_spans_max || failures_.size() >= failures_.capacity() / 2;
}

void BatchProcessor::drain() noexcept {
  while (!is_empty() && options_.waiter->now() < stop_deadline()) export_batch();
  drop_queues(DropReason::ShutdownTimeout);
  if (options_.waiter->now() < stop_deadline()) report_drops(/*is_last=*/true);
}

void BatchProcessor::export_batch() noexcept {
  size_t bytes = 0;
  uint64_t footprint = 0;
  batch_.clear();
  while (batch_.size() < options_.batch.batch_spans_max && bytes < kRequestBytesMax) {
    SpanRecording* const span = take_next();
    if (span == nullptr) break;
    bytes += span->encoded_size();
    footprint += span->footprint();
    batch_.push_back(span);  // has room: see the constructor
  }
  if (batch_.empty()) {
    std::this_thread::yield();  // the next one is only just being pushed
    return;
  }
  try {
    refresh_resource(/*is_last=*/false);
    encode_request(resource_, options_.resource.schema_url, batch_, request_);
    send(batch_.size());
  } catch (...) {
    counts_.add(DropReason::NoMemory, batch_.size());
  }
  for (SpanRecording* const span : batch_) span->release();
  queued_bytes_.fetch_sub(footprint, std::memory_order_relaxed);
  note_finished();
}

void BatchProcessor::note_finished() noexcept {
  try {
    const std::scoped_lock lock(worker_->mutex);
    worker_->finished = queue_.popped();
    worker_->finished_failures = failures_.popped();
    worker_->changed.notify_all();
  } catch (...) {  // a mutex fails only for bugs
  }
}

void BatchProcessor::send(size_t span_count) noexcept {
  const ExportResult result = try_until_deadline(span_count);
  if (result.outcome != ExportResult::Outcome::Done) {
    counts_.add(DropReason::ExportFailed, span_count);
    return tell(result, span_count);
  }
  reported_ = written_;
  const uint64_t rejected = std::min<uint64_t>(result.rejected_spans, span_count);
  counts_.add_exported(span_count - rejected);
  if (rejected == 0) return;
  counts_.add(DropReason::Rejected, rejected);
  tell(result, rejected);
}

ExportResult BatchProcessor::try_until_deadline(size_t span_count) noexcept {
  const TimePoint deadline = options_.waiter->now() + options_.batch.export_timeout;
  Milliseconds backoff = kBackoffMin;
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(std::min(deadline, stop_deadline()) - options_.waiter->now());
    ExportResult result = options_.exporter->export_request(request_, span_count, std::max(left, Milliseconds(1)));
    if (result.outcome != ExportResult::Outcome::Retry) return result;
    const auto jittered = std::chrono::floor<Milliseconds>(backoff * (0.8 + 0.4 * jitter_.unit()));
    if (!wait_before_retry(std::max(result.retry_after, jittered), deadline)) return result;
    backoff = std::min(backoff * 2, kBackoffMax);
  }
}

// False where there is no time left for another attempt. A shutdown leaves less time, from one moment to the next.
bool BatchProcessor::wait_before_retry(Milliseconds delay, TimePoint deadline) noexcept {
  const TimePoint until = options_.waiter->now() + delay;
  while (options_.waiter->now() < until) {
    if (until >= std::min(deadline, stop_deadline())) return false;
    options_.waiter->wait_until(until);
  }
  return true;
}

TimePoint BatchProcessor::stop_deadline() const noexcept {
  if (is_running()) return TimePoint::max();
  return TimePoint(Waiter::Clock::duration(stop_deadline_.load()));
}

void BatchProcessor::refresh_resource(bool is_last) {
  const DropSnapshot dropped = counts_.dropped();
  if (dropped == written_ || (!is_last && options_.waiter->now() < next_report_)) return;
  resource_ = encode_resource(own_resource_, dropped);
  written_ = dropped;
  next_report_ = options_.waiter->now() + kReportInterval;
}

// Where no spans go out that could tell of drops, a resource without spans does. Not tried again until the next time.
void BatchProcessor::report_drops(bool is_last) noexcept {
  try {
    if (!is_empty() || counts_.dropped() == reported_) return;
    refresh_resource(is_last);
    encode_request(resource_, options_.resource.schema_url, {}, request_);
    const auto left = std::chrono::ceil<Milliseconds>(
        std::min(options_.waiter->now() + options_.batch.export_timeout, stop_deadline()) - options_.waiter->now());
    const ExportResult result = options_.exporter->export_request(request_, 0, std::max(left, Milliseconds(1)));
    if (result.outcome == ExportResult::Outcome::Done) reported_ = written_;
  } catch (...) {  // no memory: the next report has the count too
  }
}

void BatchProcessor::tell(const ExportResult& result, uint64_t span_count) noexcept {
  try {
    if (!options_.on_problem) return;
    options_.on_problem(std::to_string(span_count) + " spans were not exported: " + result.message);
  } catch (...) {  // the host's own, or no memory for words
  }
}

}  // namespace backstitch::sdk
