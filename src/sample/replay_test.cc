#include "sample/replay.h"

#include "sample/decide_testing.h"

namespace backstitch::sample {
namespace {

using namespace std::chrono_literals;
using model::StatusCode;
using model::Verdict;

RecordedTrace recorded(std::vector<SpanSpec> spans, uint8_t number = 1, uint64_t bytes = 500) {
  return {.trace = trace_of(std::move(spans), number), .bytes = bytes, .weight = 1, .decided = {}};
}

std::vector<bool> kept(const Replay& replay) {
  std::vector<bool> verdicts;
  for (const ReplayOutcome& outcome : replay.outcomes) verdicts.push_back(outcome.is_kept);
  return verdicts;
}

TEST(Replay, each_trace_is_judged_whole_and_stays_in_its_place) {
  const auto plan = plan_of({{"errors", StatusCodes{{StatusCode::Error}}}, {"slow", Latency{.threshold = 1s}}});
  const std::vector<RecordedTrace> traffic = {
      recorded({{.id = 1, .duration_us = 3'000'000}, {.id = 2, .parent = 1, .status = StatusCode::Error}}, 1),
      recorded({{}}, 2), recorded({{.duration_us = 2'000'000}}, 3)};
  const Replay result = replay(plan, traffic);
  EXPECT_EQ(result.policies, (std::vector<std::string>{"errors", "slow"}));
  EXPECT_EQ(kept(result), (std::vector{true, false, true}));
  EXPECT_EQ(result.outcomes[0].policy, 0);
  EXPECT_EQ(result.outcomes[0].voted, 3u);
  EXPECT_EQ(result.outcomes[1].policy, model::Decision::kNoPolicy);
  EXPECT_EQ(result.outcomes[2].voted, 2u);
}

TEST(Replay, policies_that_need_the_whole_trace_see_it) {
  const auto plan = plan_of({{"broken", Orphan{}}, {"family", TraceQl{"{ name = \"a\" } > { name = \"b\" }"}}});
  const std::vector<RecordedTrace> traffic = {
      recorded({{.id = 2, .parent = 1}}, 1), recorded({{.id = 1, .name = "a"}, {.id = 2, .parent = 1, .name = "b"}}, 2),
      recorded({{}}, 3)};
  const Replay result = replay(plan, traffic);
  EXPECT_EQ(kept(result), (std::vector{true, true, false}));
  EXPECT_EQ(result.failures, 0u);
}

// One span a second may pass, two at once.
TEST(Replay, rates_go_by_the_times_of_the_spans_whatever_the_order_in_the_file) {
  const auto plan = plan_of({{"rate", RateLimiting{.spans_per_second = 1, .burst_capacity = 2}}});
  const std::vector<RecordedTrace> traffic = {recorded({{.start_ms = 10'000}}, 1), recorded({{.start_ms = 2}}, 2),
                                              recorded({{.start_ms = 1}}, 3), recorded({{.start_ms = 0}}, 4)};
  EXPECT_EQ(kept(replay(plan, traffic)), (std::vector{true, false, true, true}));
}

TEST(Replay, a_trace_that_outlives_its_window_is_judged_at_its_end) {
  auto plan = Plan::compile(
      {.policies = {{"rate", RateLimiting{.spans_per_second = 1, .burst_capacity = 2}}}, .decision_wait = 1s});
  // The first has its verdict after the other two, which use the burst up; a second after them one token is back.
  const std::vector<RecordedTrace> traffic = {
      recorded({{.id = 1, .duration_us = 1000}, {.id = 2, .start_ms = 4000}}, 1), recorded({{.start_ms = 1000}}, 2),
      recorded({{.start_ms = 1001}}, 3)};
  EXPECT_EQ(kept(replay(*plan, traffic)), (std::vector{true, true, true}));
  const std::vector<RecordedTrace> sooner = {recorded({{.id = 1}, {.id = 2, .start_ms = 1100}}, 1),
                                             recorded({{.start_ms = 50}}, 2), recorded({{.start_ms = 51}}, 3)};
  EXPECT_EQ(kept(replay(*plan, sooner)), (std::vector{false, true, true}));
}

TEST(Replay, a_root_brings_the_verdict_forward_where_the_policies_say_so) {
  PolicySet set{.policies = {{"all", AlwaysSample{}}}, .decision_wait = 10s};
  const std::vector<RecordedTrace> traffic = {recorded({{.start_ms = 0}}, 1), recorded({{.start_ms = 5000}}, 2)};
  EXPECT_EQ(replay(*Plan::compile(set), traffic).open_max, 2u);
  set.decision_wait_after_root_received = 1s;
  EXPECT_EQ(replay(*Plan::compile(set), traffic).open_max, 1u);
}

TEST(Replay, bytes_count_for_the_policies_that_ask_for_them) {
  const auto plan = Plan::compile({.policies = {{"all", AlwaysSample{}}}, .maximum_trace_size_bytes = 600});
  const Replay result = replay(*plan, std::vector{recorded({{}}, 1, 600), recorded({{}}, 2, 601)});
  EXPECT_EQ(kept(result), (std::vector{true, false}));
  EXPECT_EQ(result.too_large, 1u);
}

TEST(Replay, the_probability_is_that_of_a_trace_like_it_whatever_its_id) {
  const auto plan =
      plan_of({{"errors", StatusCodes{{StatusCode::Error}}}, {"some", Probabilistic{.sampling_percentage = 25}}});
  std::vector<RecordedTrace> traffic;
  for (uint8_t number = 1; number <= 20; ++number) traffic.push_back(recorded({{}}, number));
  traffic.push_back(recorded({{.status = StatusCode::Error}}, 21));
  const Replay result = replay(plan, traffic);
  for (size_t i = 0; i < 20; ++i) EXPECT_NEAR(result.outcomes[i].probability, 0.25, 1e-6);
  EXPECT_EQ(result.outcomes[20].probability, 1);
}

TEST(Replay, a_dropped_trace_has_no_chance) {
  const auto plan = plan_of({{"all", AlwaysSample{}}, {"no", Drop{{{"inner", AlwaysSample{}}}}}});
  const Replay result = replay(plan, std::vector{recorded({{}})});
  EXPECT_FALSE(result.outcomes[0].is_kept);
  EXPECT_EQ(result.outcomes[0].probability, 0);
  EXPECT_EQ(result.outcomes[0].policy, 1);
}

TEST(Replay, spans_without_times_and_traces_without_spans_are_judged_too) {
  RecordedTrace timeless = recorded({{}}, 1);
  timeless.trace.spans[0].start = timeless.trace.spans[0].end = {};
  RecordedTrace empty = recorded({}, 2);
  EXPECT_EQ(kept(replay(plan_of({{"all", AlwaysSample{}}}), std::vector{timeless, empty})), (std::vector{true, true}));
}

TEST(Replay, what_was_decided_has_the_names_in_the_order_in_which_they_come) {
  RecordedTrace first = recorded({{}}, 1), second = recorded({{}}, 2), third = recorded({{}}, 3);
  first.decided = {.verdict = Verdict::Kept, .policy = "slow", .voted = {"slow", "rest"}};
  first.weight = 4;
  second.decided = {.verdict = Verdict::Dropped, .policy = "", .voted = {}};
  const Replay result = as_decided(std::vector{first, second, third});
  EXPECT_EQ(result.policies, (std::vector<std::string>{"slow", "rest"}));
  EXPECT_EQ(kept(result), (std::vector{true, false, true}));
  EXPECT_EQ(result.outcomes[0].voted, 3u);
  EXPECT_EQ(result.outcomes[0].probability, 0.25);
  EXPECT_EQ(result.outcomes[1].probability, 0);
  EXPECT_EQ(result.outcomes[2].policy, model::Decision::kNoPolicy);
}

}  // namespace
}  // namespace backstitch::sample
