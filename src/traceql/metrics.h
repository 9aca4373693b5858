// Metrics over spans: what `{ … } | rate() by (resource.service.name)` computes, in parts that readers fill on their
// own and that are merged at the end.
//
//   MetricsPlan plan = MetricsPlan::create(query, {.start = from, .end = to, .step = 10s}).value();
//   MetricsPartial part(plan);               // one for each reader, block or thread
//   observe(evaluator, trace, part);         // or part.observe(labels, span.start, value), or part.add(…)
//   total.merge(part);
//   MetricsResult result = total.finish();
#pragma once

#include <absl/container/flat_hash_map.h>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/trace.h"
#include "model/value.h"
#include "traceql/evaluate.h"
#include "traceql/query.h"

namespace backstitch::traceql {

constexpr size_t kSeriesMax = 1000;  // of one partial, before quantiles and buckets multiply them
constexpr size_t kStepsMax = 11'000;
// Of all series of one partial: 56 bytes each, and in histograms 8 for each bucket up to the highest in use.
constexpr size_t kCellsMax = 500'000;

// Cell i holds the spans that start in [start + i × step, start + (i + 1) × step); the last one ends at `end`.
struct MetricsWindow {
  base::Timestamp start;
  base::Timestamp end;  // exclusive
  base::Duration step{};

  bool operator==(const MetricsWindow&) const = default;
};

// What to compute. A value.
class MetricsPlan {
 public:
  // InvalidArgument where the query has no metrics function, the step is not positive, the window is empty, or it has
  // more than kStepsMax steps.
  static base::Result<MetricsPlan> create(const Query& query, MetricsWindow window);

  const Metrics& metrics() const { return metrics_; }
  const MetricsWindow& window() const { return window_; }
  size_t steps() const { return steps_; }
  // Which cell a span that starts then belongs to; nothing outside the window.
  std::optional<uint32_t> step_of(base::Timestamp start) const;
  // The function reads Metrics::field; otherwise counts are all it needs, and MetricsPartial::add suffices.
  bool needs_values() const { return metrics_.field.has_value(); }
  // Values are nanoseconds; results are seconds.
  bool is_of_durations() const;
  bool has_histogram() const;

 private:
  Metrics metrics_;
  MetricsWindow window_;
  size_t steps_ = 0;
};

// The values of by() in its order, Nil where the span has none. Durations, kinds and statuses keep their type.
using Labels = std::vector<TypedValue>;

// Bucket i counts values in (2^(i-1), 2^i], bucket 0 those of at most 1; durations in nanoseconds. Negative ones count
// nowhere.
constexpr size_t kBuckets = 65;
std::optional<uint32_t> log2_bucket(double value);
// The value below which the share `quantile` of the values lies, interpolated exponentially inside its bucket. 0 where
// all are 0.
double log2_quantile(double quantile, const std::vector<uint64_t>& buckets);

// One series' spans in one step. Values of min, max and sum are of no use where `count` is 0.
struct MetricsCell {
  uint64_t count = 0;  // of spans; of values where the plan needs values
  double sum = 0;
  double min = 0;
  double max = 0;
  std::vector<uint64_t> buckets;  // only of plans that have a histogram; short by its empty end

  bool operator==(const MetricsCell&) const = default;
};

struct MetricsLabel {
  std::string name;  // `resource.service.name`; `p` and `__bucket` of quantiles and histograms
  TypedValue value;

  bool operator==(const MetricsLabel&) const = default;
};

struct MetricsSeries {
  std::vector<MetricsLabel> labels;
  // One for each step; nothing where there was no span, or a comparison (`| rate() > 5`) dropped it. rate() and
  // count_over_time() say 0 there instead, and so do histograms.
  std::vector<std::optional<double>> values;

  bool operator==(const MetricsSeries&) const = default;
};

struct MetricsResult {
  std::vector<MetricsSeries> series;  // by labels; series without any value are left out
  bool is_partial = false;            // series were truncated: see MetricsPartial::truncated
};

// Not thread-safe: each thread fills its own.
class MetricsPartial {
 public:
  explicit MetricsPartial(MetricsPlan plan);

  const MetricsPlan& plan() const { return plan_; }

  // A span, by its start. Outside the window nothing happens. Where the plan needs values, a Nil or non-numeric
  // `value` counts nothing; elsewhere it is ignored.
  void observe(const Labels& labels, base::Timestamp start, const TypedValue& value = {});
  // `count` spans at once, counted by the caller. Only where the plan needs no values (asserted).
  void add(const Labels& labels, uint32_t step, uint64_t count);
  // Whatever the caller aggregated over one step of one series.
  void add(const Labels& labels, uint32_t step, const MetricsCell& cell);
  // Of the same plan (asserted).
  void merge(const MetricsPartial& other);

  // Spans that came for series beyond kSeriesMax (kCellsMax) and were left out.
  uint64_t truncated() const { return truncated_; }
  // As many more were left out where this was put together: on another node.
  void add_truncated(uint64_t spans) { truncated_ += spans; }
  // Each series with its cells, one a step, by nothing in particular.
  void for_each(const std::function<void(const Labels& labels, const std::vector<MetricsCell>& cells)>& see) const;
  size_t series_count() const { return series_.size(); }

  // Rates, averages, quantiles; then topk, bottomk and comparisons. topk keeps, for each step by itself, the largest
  // values, ties by labels.
  MetricsResult finish() const;

 private:
  using Cells = std::vector<MetricsCell>;
  MetricsCell* cell_of(const Labels& labels, uint32_t step, uint64_t count);

  MetricsPlan plan_;
  // By the printed labels, which tell types apart.
  struct Series {
    Labels labels;
    Cells cells;
  };
  absl::flat_hash_map<std::string, Series> series_;
  uint64_t truncated_ = 0;
};

// Evaluates the query of `evaluator` on one trace and observes the spans that it leaves, each once.
void observe(const Evaluator& evaluator, const model::Trace& trace, MetricsPartial& into);

}  // namespace backstitch::traceql
