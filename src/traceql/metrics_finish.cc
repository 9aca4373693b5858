// From cells to samples: MetricsPartial::finish and what histograms say.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <numeric>

#include "traceql/arithmetic.h"
#include "traceql/compare.h"
#include "traceql/metrics.h"
#include "traceql/print.h"

namespace backstitch::traceql {
namespace {

using Values = std::vector<std::optional<double>>;
constexpr double kNanosPerSecond = 1e9;

double bucket_max(size_t bucket) { return std::ldexp(1.0, static_cast<int>(bucket)); }

double value_of(MetricsFunction function, const MetricsCell& cell) {
  switch (function) {
    case MetricsFunction::MinOverTime:
      return cell.min;
    case MetricsFunction::MaxOverTime:
      return cell.max;
    case MetricsFunction::SumOverTime:
      return cell.sum;
    case MetricsFunction::AvgOverTime:
      return cell.sum / static_cast<double>(cell.count);
    default:
      return static_cast<double>(cell.count);
  }
}

bool counts_spans(MetricsFunction function) {
  return function == MetricsFunction::Rate || function == MetricsFunction::CountOverTime;
}

std::string text_of(const std::vector<MetricsLabel>& labels) {
  std::string text;
  for (const MetricsLabel& label : labels) text += fmt::format("{}={};", label.name, print(label.value));
  return text;
}

// Makes series of what was counted under one set of labels: one, or one for each quantile or bucket.
class SeriesMaker {
 public:
  explicit SeriesMaker(const MetricsPlan& plan)
      : plan_(plan), metrics_(plan.metrics()), unit_(plan.is_of_durations() ? kNanosPerSecond : 1) {}

  void add(const Labels& labels, const std::vector<MetricsCell>& cells) {
    std::vector<MetricsLabel> named;
    for (size_t i = 0; i < labels.size(); ++i) named.push_back({print(metrics_.by[i]), labels[i]});
    if (metrics_.function == MetricsFunction::QuantileOverTime) {
      for (const double quantile : metrics_.quantiles) add_quantile(named, quantile, cells);
    } else if (metrics_.function == MetricsFunction::HistogramOverTime) {
      for (size_t bucket = 0; bucket < kBuckets; ++bucket) add_bucket(named, bucket, cells);
    } else {
      add_plain(std::move(named), cells);
    }
  }

  std::vector<MetricsSeries> sorted() && {
    std::vector<MetricsSeries> all;
    for (auto& [key, series] : by_labels_) all.push_back(std::move(series));
    return all;
  }

 private:
  void put(std::vector<MetricsLabel> labels, Values values) {
    std::string key = text_of(labels);
    by_labels_.emplace(std::move(key), MetricsSeries{std::move(labels), std::move(values)});
  }

  void add_plain(std::vector<MetricsLabel> labels, const std::vector<MetricsCell>& cells) {
    const double step_seconds = static_cast<double>(plan_.window().step.count()) / kNanosPerSecond;
    const double divisor = metrics_.function == MetricsFunction::Rate ? step_seconds : unit_;
    Values values;
    for (const MetricsCell& cell : cells) {
      const bool is_absent = cell.count == 0 && !counts_spans(metrics_.function);
      values.push_back(is_absent ? std::nullopt : std::optional(value_of(metrics_.function, cell) / divisor));
    }
    put(std::move(labels), std::move(values));
  }

  void add_quantile(std::vector<MetricsLabel> labels, double quantile, const std::vector<MetricsCell>& cells) {
    Values values;
    for (const MetricsCell& cell : cells) {
      const bool is_absent = cell.count == 0;
      values.push_back(is_absent ? std::nullopt : std::optional(log2_quantile(quantile, cell.buckets) / unit_));
    }
    labels.push_back({"p", TypedValue::real(quantile)});
    put(std::move(labels), std::move(values));
  }

  void add_bucket(std::vector<MetricsLabel> labels, size_t bucket, const std::vector<MetricsCell>& cells) {
    Values values;
    bool is_used = false;
    for (const MetricsCell& cell : cells) {
      const uint64_t count = bucket < cell.buckets.size() ? cell.buckets[bucket] : 0;
      is_used = is_used || count != 0;
      values.push_back(static_cast<double>(count));
    }
    if (!is_used) return;
    labels.push_back({"__bucket", TypedValue::real(bucket_max(bucket) / unit_)});
    put(std::move(labels), std::move(values));
  }

  const MetricsPlan& plan_;
  const Metrics& metrics_;
  double unit_;
  std::map<std::string, MetricsSeries> by_labels_;
};

void rank(std::vector<MetricsSeries>& series, const SecondStage& stage, size_t steps) {
  const bool is_top = stage.kind == SecondStageKind::TopK;
  for (size_t step = 0; step < steps; ++step) {
    std::vector<size_t> present;
    for (size_t i = 0; i < series.size(); ++i) {
      if (series[i].values[step]) present.push_back(i);
    }
    if (present.size() <= stage.limit) continue;
    std::ranges::stable_sort(present, [&](size_t a, size_t b) {
      return is_top ? series[a].values[step] > series[b].values[step] : series[a].values[step] < series[b].values[step];
    });
    for (size_t i = stage.limit; i < present.size(); ++i) series[present[i]].values[step].reset();
  }
}

// Durations are compared in seconds, which results are in.
void keep_where(std::vector<MetricsSeries>& series, const SecondStage& stage) {
  double threshold = *to_double(stage.threshold);
  if (stage.threshold.type == ValueType::Duration) threshold /= kNanosPerSecond;
  for (MetricsSeries& one : series) {
    for (std::optional<double>& value : one.values) {
      const bool holds = value && compare(stage.op, TypedValue::real(*value), TypedValue::real(threshold));
      if (!holds) value.reset();
    }
  }
}

}  // namespace

std::optional<uint32_t> log2_bucket(double value) {
  if (!(value >= 0)) return std::nullopt;
  if (value <= 1) return 0;
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // value = fraction × 2^exponent, fraction in [0.5, 1)
  const int bucket = fraction == 0.5 ? exponent - 1 : exponent;
  return static_cast<uint32_t>(std::clamp(bucket, 0, static_cast<int>(kBuckets) - 1));
}

double log2_quantile(double quantile, const std::vector<uint64_t>& buckets) {
  const uint64_t total = std::accumulate(buckets.begin(), buckets.end(), uint64_t{0});
  if (total == 0 || !(quantile >= 0 && quantile <= 1)) return 0;
  const double rank = std::ceil(quantile * static_cast<double>(total));
  const uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(rank), 1, total);
  uint64_t before = 0;
  std::optional<size_t> previous;  // the last bucket below that is in use
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    if (buckets[bucket] == 0) continue;
    if (before + buckets[bucket] == wanted) return bucket_max(bucket);
    if (before + buckets[bucket] > wanted) {
      const double share = static_cast<double>(wanted - before) / static_cast<double>(buckets[bucket]);
      const double upper = static_cast<double>(bucket);
      const double lower = previous ? static_cast<double>(*previous) : upper - 1;
      return std::exp2(lower + (upper - lower) * share);
    }
    before += buckets[bucket];
    previous = bucket;
  }
  return 0;
}

MetricsResult MetricsPartial::finish() const {
  SeriesMaker maker(plan_);
  for (const auto& [key, series] : series_) maker.add(series.labels, series.cells);
  MetricsResult result{.series = std::move(maker).sorted(), .is_partial = truncated_ != 0};
  for (const SecondStage& stage : plan_.metrics().second_stages) {
    if (stage.kind == SecondStageKind::Compare) {
      keep_where(result.series, stage);
    } else {
      rank(result.series, stage, plan_.steps());
    }
  }
  std::erase_if(result.series, [](const MetricsSeries& series) {
    return std::ranges::none_of(series.values, [](const auto& value) { return value.has_value(); });
  });
  return result;
}

}  // namespace backstitch::traceql
