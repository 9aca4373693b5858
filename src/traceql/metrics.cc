#include "traceql/metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "traceql/arithmetic.h"
#include "traceql/print.h"

namespace backstitch::traceql {
namespace {

std::string key_of(const Labels& labels) {
  std::string key;
  for (const TypedValue& label : labels) {
    const std::string text = model::to_text(label.value);
    key += fmt::format("{}:{}:{};", static_cast<int>(label.type), text.size(), text);
  }
  return key;
}

void add_cell(const MetricsCell& from, MetricsCell& into) {
  if (from.count == 0) return;
  into.min = into.count == 0 ? from.min : std::min(into.min, from.min);
  into.max = into.count == 0 ? from.max : std::max(into.max, from.max);
  into.sum += from.sum;
  into.count += from.count;
  if (into.buckets.size() < from.buckets.size()) into.buckets.resize(from.buckets.size());
  for (size_t i = 0; i < from.buckets.size(); ++i) into.buckets[i] += from.buckets[i];
}

}  // namespace

base::Result<MetricsPlan> MetricsPlan::create(const Query& query, MetricsWindow window) {
  if (!query.metrics) {
    return base::fail(base::Errc::InvalidArgument,
                      "the query has no metrics function, such as rate() or quantile_over_time(duration, 0.9)");
  }
  if (window.step.count() <= 0) return base::fail(base::Errc::InvalidArgument, "the step must be positive");
  if (window.end <= window.start) return base::fail(base::Errc::InvalidArgument, "the end must be after the start");
  const uint64_t span = window.end.unix_nanos - window.start.unix_nanos;
  const uint64_t steps = (span - 1) / static_cast<uint64_t>(window.step.count()) + 1;
  if (steps > kStepsMax) {
    return base::fail(base::Errc::InvalidArgument,
                      fmt::format("{} steps between start and end, at most {} are taken", steps, kStepsMax));
  }
  MetricsPlan plan;
  plan.metrics_ = *query.metrics;
  plan.window_ = window;
  plan.steps_ = steps;
  return plan;
}

std::optional<uint32_t> MetricsPlan::step_of(base::Timestamp start) const {
  if (start < window_.start || start >= window_.end) return std::nullopt;
  const uint64_t since = start.unix_nanos - window_.start.unix_nanos;
  return static_cast<uint32_t>(since / static_cast<uint64_t>(window_.step.count()));
}

bool MetricsPlan::is_of_durations() const { return metrics_.field && type_of(*metrics_.field) == ValueType::Duration; }

bool MetricsPlan::has_histogram() const {
  return metrics_.function == MetricsFunction::QuantileOverTime ||
         metrics_.function == MetricsFunction::HistogramOverTime;
}

MetricsPartial::MetricsPartial(MetricsPlan plan) : plan_(std::move(plan)) {}

// nullptr where a limit leaves the span out, which is counted.
MetricsCell* MetricsPartial::cell_of(const Labels& labels, uint32_t step, uint64_t count) {
  assert(step < plan_.steps() && labels.size() == plan_.metrics().by.size());
  std::string key = key_of(labels);
  auto found = series_.find(key);
  if (found == series_.end()) {
    if (series_.size() >= kSeriesMax || (series_.size() + 1) * plan_.steps() > kCellsMax) {
      truncated_ += count;
      return nullptr;
    }
    found = series_.emplace(std::move(key), Series{labels, Cells(plan_.steps())}).first;
  }
  return &found->second.cells[step];
}

void MetricsPartial::observe(const Labels& labels, base::Timestamp start, const TypedValue& value) {
  const auto step = plan_.step_of(start);
  if (!step) return;
  if (!plan_.needs_values()) return add(labels, *step, 1);
  const auto number = to_double(value);
  if (!number || std::isnan(*number)) return;
  MetricsCell cell{.count = 1, .sum = *number, .min = *number, .max = *number, .buckets = {}};
  if (plan_.has_histogram()) {
    const auto bucket = log2_bucket(*number);
    if (!bucket) return;
    cell.buckets.resize(*bucket + 1);
    cell.buckets.back() = 1;
  }
  add(labels, *step, cell);
}

void MetricsPartial::add(const Labels& labels, uint32_t step, uint64_t count) {
  assert(!plan_.needs_values());
  if (count == 0) return;
  if (MetricsCell* cell = cell_of(labels, step, count)) cell->count += count;
}

void MetricsPartial::add(const Labels& labels, uint32_t step, const MetricsCell& cell) {
  if (cell.count == 0) return;
  if (MetricsCell* into = cell_of(labels, step, cell.count)) add_cell(cell, *into);
}

void MetricsPartial::for_each(
    const std::function<void(const Labels& labels, const std::vector<MetricsCell>& cells)>& see) const {
  for (const auto& [key, series] : series_) see(series.labels, series.cells);
}

void MetricsPartial::merge(const MetricsPartial& other) {
  assert(plan_.window() == other.plan_.window() && plan_.metrics() == other.plan_.metrics());
  // In the order of the labels: which series a limit leaves out depends on nothing else.
  std::map<std::string_view, const Series*> sorted;
  for (const auto& [key, series] : other.series_) sorted.emplace(key, &series);
  for (const auto& [key, series] : sorted) {
    for (uint32_t step = 0; step < series->cells.size(); ++step) add(series->labels, step, series->cells[step]);
  }
  truncated_ += other.truncated_;
}

void observe(const Evaluator& evaluator, const model::Trace& trace, MetricsPartial& into) {
  const Metrics& metrics = into.plan().metrics();
  std::vector<uint32_t> spans;
  for (const Spanset& spanset : evaluator.evaluate(trace)) {
    for (const MatchedSpan& matched : spanset.spans) spans.push_back(matched.span);
  }
  if (spans.empty()) return;
  std::ranges::sort(spans);
  const auto repeats = std::ranges::unique(spans);
  spans.erase(repeats.begin(), repeats.end());

  std::vector<std::vector<TypedValue>> by;
  for (const FieldRef& field : metrics.by) by.push_back(evaluator.values_of(field, trace));
  std::vector<TypedValue> values;
  if (metrics.field) values = evaluator.values_of(*metrics.field, trace);
  for (const uint32_t span : spans) {
    Labels labels;
    for (const std::vector<TypedValue>& column : by) labels.push_back(column[span]);
    into.observe(labels, trace.spans[span].start, metrics.field ? values[span] : TypedValue());
  }
}

}  // namespace backstitch::traceql
