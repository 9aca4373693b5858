#include "store/block/scan/metrics.h"

#include <gtest/gtest.h>

#include "store/block/scan/scan_testing.h"
#include "traceql/parse.h"

namespace backstitch::store::block {
namespace {

using traceql::MetricsPartial;
using traceql::MetricsPlan;

constexpr uint64_t kSecond = 1'000'000'000;

MetricsQuery metrics_query(const std::string& text, traceql::MetricsWindow window) {
  const auto query = traceql::parse(text);
  EXPECT_TRUE(query) << text << ": " << query.error().message;
  auto plan = MetricsPlan::create(*query, window);
  EXPECT_TRUE(plan) << plan.error().message;
  return {.query = *query, .plan = *plan, .budget = {}};
}

// The naive twin.
traceql::MetricsResult observe_all(const Archive& archive, const MetricsQuery& query) {
  const traceql::Evaluator evaluator(query.query);
  MetricsPartial all(query.plan);
  for (const Fragment& fragment : archive.fragments) traceql::observe(evaluator, fragment.trace, all);
  return all.finish();
}

std::string brief(const traceql::MetricsResult& result) {
  std::string text;
  for (const traceql::MetricsSeries& series : result.series) {
    for (const traceql::MetricsLabel& label : series.labels) {
      text += label.name + "=" + model::to_text(label.value.value) + " ";
    }
    for (const auto& value : series.values) text += value ? std::to_string(*value) + " " : "- ";
    text += "\n";
  }
  return text;
}

std::string random_metrics(base::Random& random) {
  const auto pick = [&](std::initializer_list<const char*> choices) {
    return choices.begin()[random.below(choices.size())];
  };
  traceql::RandomQueries queries(random);
  std::string text = random.chance(0.3) ? "{ }" : random.chance(0.7) ? queries.filter(2) : queries.pipeline(2);
  text += " | ";
  text += pick({"rate()", "count_over_time()", "avg_over_time(.a)", "sum_over_time(span.b)", "max_over_time(duration)",
                "min_over_time(resource.c)", "quantile_over_time(duration, 0.5, 0.9)", "histogram_over_time(duration)",
                "quantile_over_time(span.a, 0.3)"});
  if (random.chance(0.6)) {
    text +=
        std::string(" by (") + pick({"name", "status", "kind", "resource.service.name", "span.a", ".b", "duration"});
    if (random.chance(0.5)) {
      text +=
          std::string(", ") + pick({"span.c", "instrumentation.a", "statusMessage", "event.a", "span.\"with space\"",
                                    "parent.a", "instrumentation:name", ".list", "rootName"});
    }
    text += ")";
  }
  if (random.chance(0.2)) text += pick({" | topk(2)", " | bottomk(1)", " > 1"});
  return text;
}

TEST(Metrics, random_queries_count_what_the_plain_evaluator_counts) {
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    base::Random random(seed);
    const Archive archive = random_archive(random, false);
    ScanBench bench(random.below(3));
    for (int i = 0; i < 25; ++i) {
      const std::string text = random_metrics(random);
      SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text);
      const uint64_t from = 950'000'000 + random.below(20) * 10'000'000;
      const MetricsQuery query =
          metrics_query(text, {.start = {from},
                               .end = {from + 1 + random.below(50) * 10'000'000},
                               .step = base::Duration(static_cast<int64_t>(1 + random.below(30)) * 10'000'000)});
      const auto found = metrics_over_blocks(archive.blocks, query, bench.context());
      ASSERT_TRUE(found) << found.error().message;
      EXPECT_FALSE(found->is_partial);
      const traceql::MetricsResult actual = found->series.finish();
      const traceql::MetricsResult expected = observe_all(archive, query);
      EXPECT_EQ(brief(actual), brief(expected));
      EXPECT_TRUE(actual.series == expected.series);
      if (HasFailure()) return;
    }
  }
}

TEST(Metrics, times_of_all_64_bits_are_counted_in_their_steps) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    base::Random random(seed);
    const Archive archive = random_archive(random);
    ScanBench bench;
    const MetricsQuery query = metrics_query(
        "{ duration > 1ms } | count_over_time() by (name)",
        {.start = {0}, .end = {UINT64_MAX}, .step = base::Duration(static_cast<int64_t>(UINT64_MAX / 10'000))});
    const auto found = metrics_over_blocks(archive.blocks, query, bench.context());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(brief(found->series.finish()), brief(observe_all(archive, query))) << "seed " << seed;
  }
}

Archive one_span_traces(size_t count) {
  Archive archive;
  std::vector<Fragment> fragments;
  for (size_t i = 0; i < count; ++i) {
    Fragment& one = fragments.emplace_back();
    one.trace.id.bytes[15] = static_cast<uint8_t>(i + 1);
    one.trace.resources.emplace_back();
    one.trace.scopes.emplace_back();
    model::Span& span = one.trace.spans.emplace_back();
    span.trace_id = one.trace.id;
    span.span_id.bytes[7] = 1;
    span.start = span.end = {kSecond * (1 + i)};
  }
  archive.add_block(fragments, 4);
  return archive;
}

TEST(Metrics, groups_inside_one_step_are_counted_without_a_page) {
  const Archive archive = one_span_traces(16);
  ScanBench bench;
  const MetricsQuery query = metrics_query(
      "{ } | count_over_time()",
      {.start = {kSecond}, .end = {kSecond * 17}, .step = base::Duration(static_cast<int64_t>(kSecond) * 4)});
  const auto found = metrics_over_blocks(archive.blocks, query, bench.context());
  ASSERT_TRUE(found);
  EXPECT_EQ(brief(found->series.finish()), brief(observe_all(archive, query)));
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
}

TEST(Metrics, groups_outside_the_window_are_not_read) {
  const Archive archive = one_span_traces(16);
  ScanBench bench;
  const MetricsQuery query = metrics_query(
      "{ name != \"x\" } | rate()",
      {.start = {kSecond * 2}, .end = {kSecond * 3}, .step = base::Duration(static_cast<int64_t>(kSecond))});
  const auto found = metrics_over_blocks(archive.blocks, query, bench.context());
  ASSERT_TRUE(found);
  EXPECT_EQ(bench.metrics.groups_scanned.value(), 1u);
}

TEST(Metrics, a_bound_makes_the_answer_partial) {
  const Archive archive = one_span_traces(16);
  ScanBench bench;
  MetricsQuery query =
      metrics_query("{ name != \"x\" } | rate()",
                    {.start = {kSecond}, .end = {kSecond * 17}, .step = base::Duration(static_cast<int64_t>(kSecond))});
  query.budget.bytes_max = 0;
  const auto found = metrics_over_blocks(archive.blocks, query, bench.context());
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_partial);
  EXPECT_EQ(bench.metrics.bounded_by_bytes.value(), 1u);
}

TEST(Metrics, a_query_without_a_function_is_refused) {
  ScanBench bench;
  MetricsQuery query = metrics_query("{ } | rate()", {.start = {0}, .end = {1}, .step = base::Duration(1)});
  query.query.metrics.reset();
  const auto found = metrics_over_blocks({}, query, bench.context());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, base::Errc::InvalidArgument);
}

}  // namespace
}  // namespace backstitch::store::block
