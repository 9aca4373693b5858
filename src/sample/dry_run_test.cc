#include "sample/dry_run.h"

#include "sample/decide_testing.h"

namespace backstitch::sample {
namespace {

using model::StatusCode;
using model::Verdict;

constexpr double kPercent = 10;

RecordedTrace recorded(SpanSpec span, uint8_t number) {
  return {.trace = trace_of({std::move(span)}, number), .bytes = 100, .weight = 1, .decided = {}};
}

// 198 fast traces, one that fails (199) and one that takes a second (200).
std::vector<RecordedTrace> some_traffic() {
  std::vector<RecordedTrace> traffic;
  for (uint8_t number = 1; number <= 198; ++number) traffic.push_back(recorded({.start_ms = number}, number));
  traffic.push_back(recorded({.start_ms = 199, .status = StatusCode::Error}, 199));
  traffic.push_back(recorded({.start_ms = 200, .duration_us = 1'000'000}, 200));
  return traffic;
}

Replay by(const std::vector<RecordedTrace>& traffic, std::vector<Policy> policies) {
  return replay(plan_of(std::move(policies)), traffic);
}

TEST(DryRun, sides_count_what_they_keep_and_who_voted) {
  const auto traffic = some_traffic();
  const DryRun run = compare(traffic, as_decided(traffic),
                             by(traffic, {{"errors", StatusCodes{{StatusCode::Error}}},
                                          {"brief", Latency{.upper = std::chrono::milliseconds(0)}},
                                          {"failed", StatusCodes{{StatusCode::Error}}}}));
  EXPECT_EQ(run.traffic.traces, 200u);
  EXPECT_EQ(run.traffic.bytes, 20'000u);
  EXPECT_EQ(run.with_errors, 1u);
  EXPECT_EQ(run.now.kept.traces, 200u);
  EXPECT_TRUE(run.now.policies.empty());
  ASSERT_EQ(run.then.policies.size(), 3u);
  EXPECT_EQ(run.then.policies[0].decided, 1u);
  EXPECT_EQ(run.then.policies[2].decided, 0u) << "errors was first";
  EXPECT_EQ(run.then.policies[2].voted, 1u);
  EXPECT_EQ(run.then.policies[0].alone, 0u);
  EXPECT_EQ(run.then.policies[1].alone, run.then.policies[1].voted - 1) << "all but the failed one";
}

TEST(DryRun, what_is_lost_begins_with_errors_and_then_slow_traces) {
  const auto traffic = some_traffic();
  const DryRun run =
      compare(traffic, as_decided(traffic), by(traffic, {{"none", SpanCount{.min_spans = 5}}}), {.examples_max = 3});
  EXPECT_EQ(run.lost.traces, 200u);
  EXPECT_EQ(run.lost.with_errors, 1u);
  EXPECT_EQ(run.slow_from, std::chrono::milliseconds(1)) << "the second slowest of 200";
  ASSERT_EQ(run.lost.examples.size(), 3u);
  EXPECT_EQ(run.lost.examples[0].id.bytes[15], 199);
  EXPECT_EQ(run.lost.examples[1].id.bytes[15], 200);
  EXPECT_TRUE(run.lost.examples[1].is_slow);
  EXPECT_EQ(run.gained.traces, 0u);
}

TEST(DryRun, what_is_gained_names_the_policy_that_keeps_it) {
  const auto traffic = some_traffic();
  const DryRun run = compare(traffic, by(traffic, {{"none", SpanCount{.min_spans = 5}}}),
                             by(traffic, {{"errors", StatusCodes{{StatusCode::Error}}}}));
  EXPECT_EQ(run.lost.traces, 0u);
  EXPECT_EQ(run.gained.traces, 1u);
  EXPECT_EQ(run.gained.with_errors, 1u);
  EXPECT_EQ(run.gained.examples.at(0).policy, "errors");
}

// A server that kept 10 % by the hash of the id is asked about other percentages by the same hash: every stored trace
// passes 50 %, and none stands for ten that all pass.
TEST(DryRun, a_sample_by_the_same_hash_estimates_all_traffic) {
  const Rule chosen = Probabilistic{.sampling_percentage = kPercent};
  std::vector<RecordedTrace> all, stored;
  for (uint32_t number = 0; number < 20'000; ++number) {
    RecordedTrace one = recorded({.start_ms = number}, 0);
    for (int i = 0; i < 4; ++i) one.trace.id.bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(number >> (8 * i));
    one.trace.id.bytes[15] = one.trace.spans[0].trace_id.bytes[15] = 1;
    all.push_back(std::move(one));
  }
  const Replay then = by(all, {{"some", chosen}});
  for (size_t i = 0; i < all.size(); ++i) {
    if (!then.outcomes[i].is_kept) continue;
    stored.push_back(all[i]);
    stored.back().weight = 100 / kPercent;
    stored.back().decided = {.verdict = Verdict::Kept, .policy = "some", .voted = {"some"}};
  }
  for (const double percent : {1.0, 10.0, 50.0}) {
    const DryRun run =
        compare(stored, as_decided(stored), by(stored, {{"other", Probabilistic{.sampling_percentage = percent}}}));
    ASSERT_TRUE(run.is_weighted);
    EXPECT_NEAR(run.estimated.traces, 20'000, 1'500);
    EXPECT_NEAR(run.now.estimated.traces, static_cast<double>(stored.size()), 0.01);
    EXPECT_NEAR(run.then.estimated.traces, 20'000 * percent / 100, 1'500 * percent / 100) << percent;
  }
}

TEST(DryRun, nothing_recorded_is_nothing_kept) {
  const DryRun run = compare({}, as_decided({}), by({}, {{"all", AlwaysSample{}}}));
  EXPECT_EQ(run.traffic.traces, 0u);
  EXPECT_FALSE(run.start.is_set());
  EXPECT_EQ(run.then.policies.size(), 1u);
}

}  // namespace
}  // namespace backstitch::sample
