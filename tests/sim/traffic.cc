#include "sim/traffic.h"

#include <algorithm>
#include <cstring>

#include "wire/otlp/decode.h"

namespace backstitch::sim {
namespace {

using namespace std::chrono_literals;

constexpr base::Timestamp kStart{1'700'000'000'000'000'000};

base::Duration below(base::Duration bound, base::Random& random) {
  return base::Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(bound.count()) + 1)));
}

}  // namespace

Traffic::Traffic(const TrafficOptions& options, base::Random& random) {
  for (uint32_t i = 0; i < options.traces; ++i) plan_trace(options, random);
  for (uint32_t i = 0; i < spans_.size(); ++i) waiting_.push_back(i);
  std::ranges::stable_sort(waiting_, [this](uint32_t a, uint32_t b) { return spans_[a].due > spans_[b].due; });
}

// The root is slow where the trace is, and comes last of those that are in time, as SDKs send it; any span may fail.
void Traffic::plan_trace(const TrafficOptions& options, base::Random& random) {
  model::TraceId id;
  const uint64_t halves[2] = {random.next(), random.next()};
  std::memcpy(id.bytes.data(), halves, sizeof halves);
  const auto number = static_cast<uint32_t>(traces_.size());
  traces_.push_back(id);
  const base::Duration begin = below(options.over, random);
  const uint64_t count = 1 + random.below(options.spans_max);
  const uint64_t failing = random.chance(options.errors) ? random.below(count) : count;
  const bool is_slow = random.chance(options.slow);
  for (uint64_t i = 0; i < count; ++i) {
    PlannedSpan span{.trace = number, .is_error = i == failing};
    const uint64_t span_number = spans_.size() + 1;
    std::memcpy(span.id.bytes.data(), &span_number, sizeof span_number);
    if (i != 0) span.parent = spans_[spans_.size() - i].id;
    span.start = kStart;
    span.end = base::offset(kStart, is_slow && i == 0 ? 2s : 10ms);
    span.padding_bytes = static_cast<uint32_t>(random.below(400));
    span.due = begin + (i == 0 ? 500ms : below(500ms, random));
    if (random.chance(options.late)) span.due += below(options.late_max, random);
    spans_.push_back(span);
  }
}

std::vector<uint32_t> Traffic::take_due(base::Duration now, size_t max, base::Random& random) {
  std::vector<uint32_t> taken;
  while (!waiting_.empty() && taken.size() < max && spans_[waiting_.back()].due <= now) {
    taken.push_back(waiting_.back());
    waiting_.pop_back();
  }
  for (size_t i = taken.size(); i > 1; --i) std::swap(taken[i - 1], taken[random.below(i)]);
  return taken;
}

std::string Traffic::request(const std::vector<uint32_t>& spans) const {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  for (const uint32_t number : spans) {
    const PlannedSpan& planned = spans_[number];
    model::Span span{.trace_id = traces_[planned.trace],
                     .span_id = planned.id,
                     .parent_span_id = planned.parent,
                     .name = "op",
                     .kind = model::SpanKind::Server,
                     .start = planned.start,
                     .end = planned.end};
    span.attributes.push_back({"padding", std::string(planned.padding_bytes, 'x')});
    if (planned.is_error) span.status.code = model::StatusCode::Error;
    set.spans.push_back(span);
  }
  return wire::otlp::encode_request(set);
}

}  // namespace backstitch::sim
