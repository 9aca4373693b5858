#include "app/gen/trace_planner.h"

#include <algorithm>
#include <cmath>

namespace backstitch::app::gen {

using model::SpanKind;

namespace {

// Of traces.
constexpr double kErrorShare = 0.010;
constexpr double kRetryShare = 0.10;  // of those with errors: the second try works
constexpr double kSlowShare = 0.010;
constexpr int64_t kSlowMin = 2'000'000'000;
constexpr int64_t kSlowSpread = 6'000'000'000;
constexpr double kSpreadSigma = 0.45;
constexpr size_t kSpreadSteps = 1024;

// Acklam's approximation of the normal distribution's inverse is overkill for 1,024 steps: the sum of twelve
// uniforms has the same shape where it matters here, and is the same on every machine.
std::vector<float> log_normal_factors() {
  base::Random random(7);
  std::vector<float> factors(kSpreadSteps);
  for (float& factor : factors) {
    double z = -6;
    for (int i = 0; i < 12; ++i) z += random.unit();
    factor = static_cast<float>(std::exp(kSpreadSigma * z));
  }
  return factors;
}

bool is_remote(const Operation& operation) {
  return operation.kind == SpanKind::Client && operation.protocol != Protocol::Database;
}

}  // namespace

TracePlanner::TracePlanner(std::shared_ptr<const Shop> shop, uint64_t seed)
    : shop_(std::move(shop)), random_(seed), spread_(log_normal_factors()) {
  for (const Entry& entry : shop_->entries) entries_.insert(entries_.end(), entry.weight, entry.operation);
}

const PlannedTrace& TracePlanner::plan() {
  const uint64_t halves[] = {random_.next(), random_.next() | 1};  // never all zeros
  std::memcpy(trace_.id.bytes.data(), halves, sizeof halves);
  trace_.values.draw(random_);
  for (size_t i = 0; i < shop_->services.size(); ++i) {
    trace_.values.instances[i] = static_cast<uint8_t>(random_.below(shop_->services[i].resources.size()));
  }
  trace_.spans.clear();
  trace_.is_slow = false;
  trace_.error_count = 0;
  grow(entries_[random_.below(entries_.size())], UINT16_MAX, CallMode::Sequential);
  plant_faults();
  schedule(0, 0);
  trace_.duration = 0;
  for (const PlannedSpan& span : trace_.spans) trace_.duration = std::max(trace_.duration, span.end);
  return trace_;
}

// The recursion is as deep as the shop's longest chain of calls.
void TracePlanner::grow(uint16_t operation, uint16_t parent, CallMode mode) {
  if (trace_.spans.size() == kTraceSpansMax) return;
  const auto index = static_cast<uint16_t>(trace_.spans.size());
  trace_.spans.push_back({.operation = operation, .parent = parent, .mode = mode, .id = random_.next() | 1});
  for (const Call& call : shop_->operations[operation].calls) {
    if (call.probability < 1 && !random_.chance(call.probability)) continue;
    size_t count = call.count_min;
    if (call.count_max > call.count_min) {
      const double u = random_.unit();
      count += static_cast<size_t>(u * u * u * (call.count_max - call.count_min + 1));
    }
    for (size_t i = 0; i < count; ++i) grow(call.operation, index, call.mode);
  }
  trace_.spans[index].subtree_end = static_cast<uint16_t>(trace_.spans.size());
}

void TracePlanner::plant_faults() {
  if (random_.chance(kErrorShare)) {
    const size_t count = trace_.spans.size();
    const bool retry = random_.chance(kRetryShare);
    const size_t first = random_.below(count);
    // The nearest span from there on that has nobody below it: faults begin at the leaves.
    for (size_t step = 0; step < count; ++step) {
      const size_t index = (first + step) % count;
      const PlannedSpan& span = trace_.spans[index];
      if (retry && plant_retry(index)) break;
      if (retry || span.subtree_end != index + 1) continue;
      fail(index);
      break;
    }
  }
  if (random_.chance(kSlowShare)) {
    size_t index = random_.below(trace_.spans.size());
    while (index != 0 && trace_.spans[index].mode == CallMode::Detached) --index;
    trace_.spans[index].delay = kSlowMin + static_cast<int64_t>(random_.below(kSlowSpread));
    trace_.is_slow = true;
  }
}

// Marks `origin` and what it drags with it up the call chain. On the way codes drift, and some callers cope.
void TracePlanner::fail(size_t origin) {
  constexpr double kCallerCopes = 0.12;
  uint16_t http = 500;
  uint16_t grpc = random_.chance(0.3) ? 4 : 13;
  trace_.spans[origin].has_exception = true;
  for (size_t index = origin;;) {
    PlannedSpan& span = trace_.spans[index];
    const Operation& operation = shop_->operations[span.operation];
    span.is_error = true;
    ++trace_.error_count;
    span.http_status = http;
    span.grpc_status = grpc;
    if (span.parent == UINT16_MAX || span.mode == CallMode::Detached) return;
    const PlannedSpan& parent = trace_.spans[span.parent];
    const bool leaves_service = shop_->operations[parent.operation].service != operation.service;
    if (!leaves_service && random_.chance(kCallerCopes)) return;
    if (!leaves_service && random_.chance(0.2)) {
      http = random_.chance(0.5) ? 502 : 503;
      grpc = 14;
    }
    if (parent.is_error) return;
    index = span.parent;
    if (!leaves_service && random_.chance(0.3)) trace_.spans[index].has_exception = true;
  }
}

// Puts a failed call in front of the call at `index`.
bool TracePlanner::plant_retry(size_t index) {
  std::vector<PlannedSpan>& spans = trace_.spans;
  const PlannedSpan call = spans[index];
  if (!is_remote(shop_->operations[call.operation]) || spans.size() == kTraceSpansMax) return false;
  PlannedSpan failed = call;
  failed.subtree_end = static_cast<uint16_t>(index + 1);  // the server never saw it
  failed.is_error = true;
  failed.has_exception = true;
  failed.http_status = 503;
  failed.grpc_status = 14;
  failed.id = random_.next() | 1;
  failed.mode = CallMode::Sequential;
  spans.insert(spans.begin() + static_cast<std::ptrdiff_t>(index), failed);
  for (size_t i = 0; i < spans.size(); ++i) {
    PlannedSpan& span = spans[i];
    if (i == index) continue;
    if (i > index) ++span.subtree_end;
    if (i < index && span.subtree_end > index) ++span.subtree_end;
    if (span.parent != UINT16_MAX && span.parent >= index) ++span.parent;
  }
  spans[index + 1].is_retry = true;
  spans[index + 1].mode = CallMode::Sequential;
  ++trace_.error_count;
  return true;
}

int64_t TracePlanner::own_time(const Operation& operation) {
  const float factor = spread_[random_.next() >> 54];
  // Real clocks tick in nanoseconds.
  return static_cast<int64_t>(operation.self_us * factor * 1000) + static_cast<int64_t>(random_.next() >> 54);
}

// Returns the span's end. Recursion: as grow().
int64_t TracePlanner::schedule(size_t index, int64_t start) {
  PlannedSpan& span = trace_.spans[index];
  const int64_t own = own_time(shop_->operations[span.operation]) + span.delay;
  const int64_t step = own / 8;
  span.start = start;
  int64_t now = start + own / 3;
  int64_t together = 0;  // where the present group of concurrent calls began
  int64_t together_end = 0;
  for (size_t child = index + 1; child < span.subtree_end; child = trace_.spans[child].subtree_end) {
    const CallMode mode = trace_.spans[child].mode;
    if (mode == CallMode::Concurrent) {
      if (together == 0) together = now;
      together += 20'000 + static_cast<int64_t>(random_.next() >> 50);
      together_end = std::max(together_end, schedule(child, together));
      continue;
    }
    if (together != 0) {
      now = together_end + step;
      together = together_end = 0;
    }
    if (mode == CallMode::Detached) {
      schedule(child, now + own + 3'000'000 + static_cast<int64_t>(random_.next() >> 39));
    } else {
      now = schedule(child, now) + step / 4;
    }
  }
  if (together != 0) now = together_end;
  span.end = now + own - own / 3;
  return span.end;
}

}  // namespace backstitch::app::gen
