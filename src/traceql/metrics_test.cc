#include "traceql/metrics.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "traceql/parse.h"
#include "traceql/print.h"

namespace backstitch::traceql {
namespace {

using std::chrono::seconds;

constexpr uint64_t kSecond = 1'000'000'000;
base::Timestamp at(double second) { return {static_cast<uint64_t>(second * kSecond)}; }

// Four steps of 10 s from 100 s on.
MetricsPlan plan_of(std::string_view text) {
  return MetricsPlan::create(parse(text).value(), {.start = at(100), .end = at(140), .step = seconds(10)}).value();
}

// `{label=value} 1 - 2` line by line, with - where a step has no value.
std::string shown(const MetricsResult& result) {
  std::string text;
  for (const MetricsSeries& series : result.series) {
    std::string labels;
    for (const MetricsLabel& label : series.labels) {
      labels += (labels.empty() ? "" : ",") + label.name + "=" + print(label.value);
    }
    text += "{" + labels + "}";
    for (const auto& value : series.values) text += value ? fmt::format(" {:g}", *value) : " -";
    text += "\n";
  }
  return text;
}

Labels label(std::string text) { return {TypedValue::text(std::move(text))}; }
TypedValue number(int64_t value) { return TypedValue::integer(value); }
TypedValue millis(int64_t value) { return TypedValue::duration(std::chrono::milliseconds(value)); }

TEST(MetricsTest, a_plan_wants_a_function_and_a_sensible_window) {
  const Query query = parse("{ } | rate()").value();
  const auto refusal = [](const Query& of, MetricsWindow window) {
    const auto plan = MetricsPlan::create(of, window);
    return plan ? "" : plan.error().message;
  };
  EXPECT_EQ(refusal(parse("{ }").value(), {at(1), at(2), seconds(1)}),
            "the query has no metrics function, such as rate() or quantile_over_time(duration, 0.9)");
  EXPECT_EQ(refusal(query, {at(1), at(2), seconds(0)}), "the step must be positive");
  EXPECT_EQ(refusal(query, {at(2), at(2), seconds(1)}), "the end must be after the start");
  EXPECT_EQ(refusal(query, {at(0), at(11'001), seconds(1)}),
            "11001 steps between start and end, at most 11000 are taken");
  EXPECT_EQ(MetricsPlan::create(query, {at(0), at(25), seconds(10)})->steps(), 3);
}

TEST(MetricsTest, a_span_belongs_to_the_step_that_it_starts_in) {
  const MetricsPlan plan = plan_of("{ } | rate()");
  EXPECT_EQ(plan.step_of(at(99.9)), std::nullopt);
  EXPECT_EQ(plan.step_of(at(100)), 0);
  EXPECT_EQ(plan.step_of(at(109.9)), 0);
  EXPECT_EQ(plan.step_of(at(110)), 1);
  EXPECT_EQ(plan.step_of(at(139.9)), 3);
  EXPECT_EQ(plan.step_of(at(140)), std::nullopt);
}

TEST(MetricsTest, rate_is_spans_by_seconds) {
  MetricsPartial part(plan_of("{ } | rate() by (name)"));
  for (const double time : {90.0, 100.0, 101.0, 125.0, 150.0}) part.observe(label("a"), at(time));
  part.add(label("b"), 3, 30);
  EXPECT_EQ(shown(part.finish()), "{name=\"a\"} 0.2 0 0.1 0\n{name=\"b\"} 0 0 0 3\n");
}

TEST(MetricsTest, counts_are_spans) {
  MetricsPartial part(plan_of("{ } | count_over_time()"));
  part.add({}, 1, 5);
  part.observe({}, at(110));
  EXPECT_EQ(shown(part.finish()), "{} 0 6 0 0\n");
}

TEST(MetricsTest, values_are_folded_where_there_are_any) {
  const auto fold = [](const std::string& function) {
    MetricsPartial part(plan_of("{ } | " + function + "(.a)"));
    part.observe({}, at(100), number(4));
    part.observe({}, at(101), TypedValue::real(-1.5));
    part.observe({}, at(102), TypedValue::text("no number"));
    part.observe({}, at(103), {});
    part.observe({}, at(120), number(7));
    part.observe({}, at(130), TypedValue::real(std::nan("")));
    return shown(part.finish());
  };
  EXPECT_EQ(fold("min_over_time"), "{} -1.5 - 7 -\n");
  EXPECT_EQ(fold("max_over_time"), "{} 4 - 7 -\n");
  EXPECT_EQ(fold("sum_over_time"), "{} 2.5 - 7 -\n");
  EXPECT_EQ(fold("avg_over_time"), "{} 1.25 - 7 -\n");
}

TEST(MetricsTest, durations_come_out_as_seconds) {
  MetricsPartial part(plan_of("{ } | max_over_time(duration)"));
  part.observe({}, at(100), millis(1500));
  EXPECT_EQ(shown(part.finish()), "{} 1.5 - - -\n");
}

TEST(MetricsTest, buckets_are_powers_of_two_up_to_and_with) {
  EXPECT_EQ(log2_bucket(0), 0);
  EXPECT_EQ(log2_bucket(1), 0);
  EXPECT_EQ(log2_bucket(1.5), 1);
  EXPECT_EQ(log2_bucket(2), 1);
  EXPECT_EQ(log2_bucket(3), 2);
  EXPECT_EQ(log2_bucket(1024), 10);
  EXPECT_EQ(log2_bucket(1025), 11);
  EXPECT_EQ(log2_bucket(1e300), kBuckets - 1);
  EXPECT_EQ(log2_bucket(-1), std::nullopt);
  EXPECT_EQ(log2_bucket(std::nan("")), std::nullopt);
}

TEST(MetricsTest, quantiles_are_interpolated_exponentially) {
  EXPECT_EQ(log2_quantile(0.5, {}), 0);
  EXPECT_EQ(log2_quantile(1, {0, 0, 4}), 4);
  EXPECT_EQ(log2_quantile(0.5, {0, 0, 4}), std::exp2(1.5));
  EXPECT_EQ(log2_quantile(0, {0, 0, 4}), std::exp2(1.25));
  EXPECT_EQ(log2_quantile(0.5, {2, 0, 2}), 1);                // exactly the first bucket
  EXPECT_EQ(log2_quantile(0.75, {2, 0, 2}), std::exp2(1.0));  // between 2^0 and 2^2, the bucket between is empty
  EXPECT_EQ(log2_quantile(1.5, {1}), 0);
}

TEST(MetricsTest, quantiles_and_buckets_become_labels) {
  MetricsPartial part(plan_of("{ } | quantile_over_time(duration, 0.5, 1) by (name)"));
  for (int i = 0; i < 4; ++i)
    part.observe(label("a"), at(110), TypedValue::duration(std::chrono::nanoseconds(1 << 30)));
  EXPECT_EQ(shown(part.finish()), "{name=\"a\",p=0.5} - 0.75925 - -\n{name=\"a\",p=1.0} - 1.07374 - -\n");
  MetricsPartial histogram(plan_of("{ } | histogram_over_time(.a)"));
  for (const int64_t value : {1, 3, 4, -5}) histogram.observe({}, at(110), number(value));
  EXPECT_EQ(shown(histogram.finish()), "{__bucket=1.0} 0 1 0 0\n{__bucket=4.0} 0 2 0 0\n");
}

TEST(MetricsTest, topk_and_bottomk_rank_each_step_by_itself) {
  const auto ranked = [](const std::string& stage) {
    MetricsPartial part(plan_of("{ } | count_over_time() by (name) " + stage));
    part.add(label("a"), 0, 3);
    part.add(label("b"), 0, 2);
    part.add(label("c"), 0, 1);
    part.add(label("c"), 1, 5);
    return shown(part.finish());
  };
  EXPECT_EQ(ranked("| topk(1)"), "{name=\"a\"} 3 - 0 0\n{name=\"c\"} - 5 - -\n");
  EXPECT_EQ(ranked("| bottomk(1)"), "{name=\"a\"} - 0 0 0\n{name=\"c\"} 1 - - -\n");
  EXPECT_EQ(ranked("| topk(9)"), "{name=\"a\"} 3 0 0 0\n{name=\"b\"} 2 0 0 0\n{name=\"c\"} 1 5 0 0\n");
}

TEST(MetricsTest, comparisons_drop_values_and_empty_series) {
  MetricsPartial part(plan_of("{ } | count_over_time() by (name) > 2 | topk(1)"));
  part.add(label("a"), 0, 3);
  part.add(label("b"), 0, 2);
  part.add(label("c"), 0, 9);
  part.add(label("c"), 3, 3);
  EXPECT_EQ(shown(part.finish()), "{name=\"c\"} 9 - - 3\n");
  MetricsPartial slow(plan_of("{ } | max_over_time(duration) >= 1s"));
  slow.observe({}, at(100), millis(1000));
  slow.observe({}, at(110), millis(999));
  EXPECT_EQ(shown(slow.finish()), "{} 1 - - -\n");
}

TEST(MetricsTest, labels_of_different_types_are_different_series) {
  MetricsPartial part(plan_of("{ } | count_over_time() by (.a)"));
  part.add({number(1)}, 0, 1);
  part.add(label("1"), 0, 2);
  part.add({TypedValue()}, 0, 3);
  EXPECT_EQ(shown(part.finish()), "{.a=\"1\"} 2 0 0 0\n{.a=1} 1 0 0 0\n{.a=nil} 3 0 0 0\n");
}

TEST(MetricsTest, parts_merge_into_what_one_would_have_seen) {
  for (const char* text : {"{ } | rate() by (name)", "{ } | quantile_over_time(.a, 0.5, 0.9) by (name)",
                           "{ } | avg_over_time(.a) by (name)", "{ } | min_over_time(.a) by (name)"}) {
    base::Random random(7);
    MetricsPartial whole(plan_of(text));
    MetricsPartial left(plan_of(text));
    MetricsPartial right(plan_of(text));
    for (int i = 0; i < 500; ++i) {
      const Labels labels = label(fmt::format("s{}", random.below(5)));
      const base::Timestamp time = at(95 + static_cast<double>(random.below(50)));
      const TypedValue value = number(static_cast<int64_t>(random.below(5000)));
      whole.observe(labels, time, value);
      (random.chance(0.3) ? left : right).observe(labels, time, value);
    }
    left.merge(right);
    EXPECT_EQ(shown(left.finish()), shown(whole.finish())) << text;
  }
}

TEST(MetricsTest, series_beyond_the_limit_are_counted_and_make_the_result_partial) {
  MetricsPartial part(plan_of("{ } | rate() by (.a)"));
  for (size_t i = 0; i < kSeriesMax; ++i) part.add({number(static_cast<int64_t>(i))}, 0, 1);
  EXPECT_FALSE(part.finish().is_partial);
  part.add({number(-1)}, 0, 5);
  part.add({number(0)}, 0, 5);  // known: counts
  EXPECT_EQ(part.series_count(), kSeriesMax);
  EXPECT_EQ(part.truncated(), 5);
  MetricsPartial total(plan_of("{ } | rate() by (.a)"));
  total.merge(part);
  EXPECT_EQ(total.truncated(), 5);
  EXPECT_TRUE(total.finish().is_partial);
}

TEST(MetricsTest, a_trace_is_observed_by_what_the_pipeline_leaves) {
  model::Trace trace;
  trace.resources = {{.attributes = {{"service.name", "cart"}}}};
  trace.scopes = {{}};
  for (const int64_t value : {1, 2, 3}) {
    trace.spans.push_back({.name = value == 3 ? "x" : "y",
                           .start = at(100 + 10 * static_cast<double>(value)),
                           .end = at(200),
                           .attributes = {{"a", value}}});
  }
  const auto observed = [&trace](std::string_view text) {
    const Evaluator evaluator(parse(text).value());
    MetricsPartial part(plan_of(text));
    observe(evaluator, trace, part);
    return shown(part.finish());
  };
  EXPECT_EQ(
      observed("{ .a > 1 } | count_over_time() by (resource.service.name, name)"),
      "{resource.service.name=\"cart\",name=\"x\"} 0 0 0 1\n{resource.service.name=\"cart\",name=\"y\"} 0 0 1 0\n");
  EXPECT_EQ(observed("{ } | by(name) | count() > 1 | sum_over_time(.a)"), "{} - 1 2 -\n");
  EXPECT_EQ(observed("{ .a > 7 } | rate()"), "");
  EXPECT_EQ(observed("{ } | max_over_time(duration)"), "{} - 90 80 70\n");
}

}  // namespace
}  // namespace backstitch::traceql
