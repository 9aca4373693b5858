// What each of the Collector's policies samples, fact by fact; facts that surprise among them (policy.h).
#include <gtest/gtest.h>
#include <limits>

#include "sample/decide_testing.h"

namespace backstitch::sample {
namespace {

using model::StatusCode;
using model::Value;
using namespace std::chrono_literals;

std::vector<SpanSpec> with(Value value) { return {{.attributes = {{"key", std::move(value)}}}}; }
std::vector<SpanSpec> with_resource(Value value) { return {{.resource = {{"key", std::move(value)}}}}; }

TEST(Policies, always_sample_samples) { EXPECT_TRUE(keeps(AlwaysSample{}, {{}})); }

TEST(Policies, latency_is_above_its_threshold_in_whole_milliseconds) {
  const Latency rule{.threshold = 2s};
  EXPECT_FALSE(keeps(rule, {{.duration_us = 2'000'000}}));
  EXPECT_FALSE(keeps(rule, {{.duration_us = 2'000'999}}));
  EXPECT_TRUE(keeps(rule, {{.duration_us = 2'001'000}}));
}

TEST(Policies, latency_is_of_the_trace_not_of_one_span) {
  EXPECT_TRUE(keeps(Latency{.threshold = 2s}, {{.start_ms = 1500}, {.id = 2, .start_ms = 4000}, {.id = 3}}));
}

TEST(Policies, latency_at_its_upper_threshold_is_sampled) {
  const Latency rule{.threshold = 1s, .upper = 2s};
  EXPECT_TRUE(keeps(rule, {{.duration_us = 2'000'999}}));
  EXPECT_FALSE(keeps(rule, {{.duration_us = 2'001'000}}));
}

TEST(Policies, latency_with_an_upper_threshold_counts_the_whole_duration_not_a_prefix) {
  EXPECT_FALSE(keeps(Latency{.threshold = 1s, .upper = 2s}, {{.duration_us = 1'500'000}, {.start_ms = 5000}}));
}

TEST(Policies, a_span_without_a_start_makes_its_trace_slow) {
  model::Trace trace = trace_of({{}});
  trace.spans[0].start = {};
  Sampler sampler(plan_of({{"slow", Latency{.threshold = 2s}}}), 1);
  EXPECT_TRUE(keeps(sampler, trace));
  trace.spans[0].end = {};
  EXPECT_FALSE(keeps(sampler, trace));
}

TEST(Policies, numeric_attribute_takes_its_bounds_in) {
  const NumericAttribute rule{.key = "key", .min_value = 400, .max_value = 499};
  EXPECT_FALSE(keeps(rule, with(399)));
  EXPECT_TRUE(keeps(rule, with(400)));
  EXPECT_TRUE(keeps(rule, with_resource(499)));
  EXPECT_FALSE(keeps(rule, with(500)));
}

TEST(Policies, numeric_attribute_reads_zero_as_no_bound) {
  EXPECT_TRUE(keeps(NumericAttribute{.key = "key", .min_value = 0, .max_value = 5}, with(-7)));
  EXPECT_TRUE(keeps(NumericAttribute{.key = "key", .min_value = -5, .max_value = 0}, with(7)));
  EXPECT_EQ(refusal(NumericAttribute{.key = "key"}),
            "line 7: policy \"policy\": numeric_attribute takes min_value or max_value (0 is no bound)");
}

TEST(Policies, numeric_attribute_reads_what_is_no_integer_as_zero) {
  const NumericAttribute rule{.key = "key", .min_value = -1, .max_value = 1};
  EXPECT_TRUE(keeps(rule, with(500.0)));
  EXPECT_TRUE(keeps(rule, with("500")));
  EXPECT_TRUE(keeps(rule, with(Value())));
  EXPECT_FALSE(keeps(rule, {{}}));
}

TEST(Policies, string_attribute_equals_one_of_its_values) {
  const StringAttribute rule{.key = "key", .values = {"GET", "PUT", ""}};
  EXPECT_TRUE(keeps(rule, with("PUT")));
  EXPECT_TRUE(keeps(rule, with_resource("GET")));
  EXPECT_FALSE(keeps(rule, with("get")));
  EXPECT_FALSE(keeps(rule, with("")));
  EXPECT_FALSE(keeps(rule, with_resource("")));
  EXPECT_FALSE(keeps(rule, with(1)));
}

TEST(Policies, string_attribute_expressions_match_anywhere) {
  const StringAttribute rule{.key = "key", .values = {"GET", "^/cart$"}, .enabled_regex_matching = true};
  EXPECT_TRUE(keeps(rule, with("WIDGETS")));
  EXPECT_TRUE(keeps(rule, with("/cart")));
  EXPECT_FALSE(keeps(rule, with("/cart/1")));
}

TEST(Policies, string_attribute_expressions_see_the_empty_string_on_resources_only) {
  const StringAttribute rule{.key = "key", .values = {".*"}, .enabled_regex_matching = true};
  EXPECT_FALSE(keeps(rule, with("")));
  EXPECT_FALSE(keeps(rule, with(1)));
  EXPECT_TRUE(keeps(rule, with_resource("")));
  EXPECT_TRUE(keeps(rule, with_resource(1)));
}

TEST(Policies, string_attribute_flags_of_one_expression_leave_the_others_alone) {
  const StringAttribute rule{.key = "key", .values = {"(?i)abc", "DEF"}, .enabled_regex_matching = true};
  EXPECT_TRUE(keeps(rule, with("ABC")));
  EXPECT_FALSE(keeps(rule, with("def")));
}

TEST(Policies, a_bad_expression_is_named_with_its_policy_and_line) {
  const StringAttribute rule{.key = "key", .values = {"a", "b("}, .enabled_regex_matching = true};
  EXPECT_EQ(refusal(rule), "line 7: policy \"policy\": \"b(\" is no regular expression: missing ): b(");
  EXPECT_EQ(refusal(And{{{"inner", rule, 9}}}),
            "policy \"policy\": line 9: policy \"inner\": \"b(\" is no regular expression: missing ): b(");
}

TEST(Policies, an_inverted_match_samples_where_no_span_and_no_resource_matches) {
  const StringAttribute rule{.key = "key", .values = {"GET"}, .invert_match = true};
  EXPECT_TRUE(keeps(rule, {{}}));
  EXPECT_TRUE(keeps(rule, with("PUT")));
  EXPECT_FALSE(keeps(rule, {{.attributes = {{"key", "PUT"}}}, {.id = 2, .attributes = {{"key", "GET"}}}}));
  EXPECT_FALSE(keeps(rule, {{.attributes = {{"key", "PUT"}}, .resource = {{"key", "GET"}}}}));
}

TEST(Policies, an_inverted_match_that_does_not_sample_stops_no_other_policy) {
  Sampler sampler(plan_of({{"not get", StringAttribute{.key = "key", .values = {"GET"}, .invert_match = true}},
                           {"all", AlwaysSample{}}}),
                  1);
  const Ballot ballot = ballot_on(sampler, trace_of(with("GET")));
  EXPECT_EQ(ballot.verdict(), model::Verdict::Kept);
  EXPECT_EQ(ballot.policy(), 1);
}

TEST(Policies, boolean_attribute_reads_what_is_no_boolean_as_false) {
  EXPECT_TRUE(keeps(BooleanAttribute{.key = "key", .value = true}, with(true)));
  EXPECT_FALSE(keeps(BooleanAttribute{.key = "key", .value = true}, with("true")));
  EXPECT_TRUE(keeps(BooleanAttribute{.key = "key", .value = false}, with("true")));
  EXPECT_FALSE(keeps(BooleanAttribute{.key = "key", .value = false}, {{}}));
  EXPECT_TRUE(keeps(BooleanAttribute{.key = "key", .value = false, .invert_match = true}, {{}}));
}

TEST(Policies, an_attribute_that_comes_twice_counts_as_it_comes_first) {
  EXPECT_FALSE(keeps(StringAttribute{.key = "key", .values = {"b"}}, {{.attributes = {{"key", "a"}, {"key", "b"}}}}));
}

TEST(Policies, status_code_is_of_any_span) {
  const StatusCodes rule{{StatusCode::Error, StatusCode::Ok}};
  EXPECT_TRUE(keeps(rule, {{}, {.id = 2, .status = StatusCode::Error}}));
  EXPECT_TRUE(keeps(rule, {{.status = StatusCode::Ok}}));
  EXPECT_FALSE(keeps(rule, {{}}));
  EXPECT_EQ(refusal(StatusCodes{}), "line 7: policy \"policy\": status_code takes at least one of OK, ERROR, UNSET");
}

TEST(Policies, span_count_takes_its_bounds_in_and_zero_is_no_upper_bound) {
  const std::vector<SpanSpec> three = {{}, {.id = 2}, {.id = 3}};
  EXPECT_TRUE(keeps(SpanCount{.min_spans = 3}, three));
  EXPECT_FALSE(keeps(SpanCount{.min_spans = 4}, three));
  EXPECT_TRUE(keeps(SpanCount{.min_spans = 2, .max_spans = 3}, three));
  EXPECT_FALSE(keeps(SpanCount{.min_spans = 1, .max_spans = 2}, three));
}

TEST(Policies, trace_state_has_the_key_with_one_of_the_values) {
  const TraceState rule{.key = "vendor", .values = {"debug", ""}};
  EXPECT_TRUE(keeps(rule, {{.trace_state = "a=1,vendor=debug"}}));
  EXPECT_FALSE(keeps(rule, {{.trace_state = "vendor=debugger"}}));
  EXPECT_FALSE(keeps(rule, {{.trace_state = "vendor=debug,vendor=debug"}}));
  EXPECT_FALSE(keeps(rule, {{}}));
}

TEST(Policies, trace_state_values_that_are_too_long_with_their_key_never_match) {
  const auto value = [](size_t size) { return std::string(size, 'x'); };
  for (const size_t size : {249, 250}) {
    EXPECT_EQ(keeps(TraceState{.key = "vendor", .values = {value(size)}}, {{.trace_state = "vendor=" + value(size)}}),
              size == 249);
  }
}

TEST(Policies, trace_flags_are_sampled_where_the_lowest_bit_is) {
  EXPECT_TRUE(keeps(TraceFlags{}, {{.flags = 0x301}}));
  EXPECT_FALSE(keeps(TraceFlags{}, {{.flags = 0x300}}));
}

TEST(Policies, probabilistic_of_everything_and_of_nothing) {
  EXPECT_TRUE(keeps(Probabilistic{.sampling_percentage = 100}, {{}}));
  EXPECT_FALSE(keeps(Probabilistic{.sampling_percentage = 0}, {{}}));
}

TEST(Policies, rate_limiting_spends_a_token_a_span_and_a_trace_above_the_burst_never_passes) {
  Sampler sampler(plan_of({{"rate", RateLimiting{.spans_per_second = 2}}}), 1);
  const model::Trace two = trace_of({{}, {.id = 2}});
  EXPECT_TRUE(keeps(sampler, two));
  EXPECT_TRUE(keeps(sampler, two));
  EXPECT_FALSE(keeps(sampler, two));
  EXPECT_TRUE(keeps(sampler, two, base::offset(kNow, 1s)));
  EXPECT_FALSE(keeps(sampler, trace_of({{}, {}, {}, {}, {}}), base::offset(kNow, 1h)));
}

TEST(Policies, bytes_limiting_spends_a_token_a_byte) {
  const auto plan = plan_of({{"rate", BytesLimiting{.bytes_per_second = 1000, .burst_capacity = 1500}}});
  EXPECT_TRUE(plan->asks_for_bytes());
  Sampler sampler(plan, 1);
  EXPECT_TRUE(keeps(sampler, trace_of({{}}), kNow, 1000));
  EXPECT_FALSE(keeps(sampler, trace_of({{}}), kNow, 501));
  EXPECT_TRUE(keeps(sampler, trace_of({{}}), kNow, 500));
}

TEST(Policies, rates_are_divided_among_shards_and_bursts_are_not) {
  const auto plan = plan_of({{"rate", RateLimiting{.spans_per_second = 5}}});
  Sampler sampler(plan, 4);
  std::vector<SpanSpec> ten(10);
  EXPECT_TRUE(keeps(sampler, trace_of(ten)));
  EXPECT_FALSE(keeps(sampler, trace_of({{}}), base::offset(kNow, 900ms)));
  EXPECT_TRUE(keeps(sampler, trace_of({{}}), base::offset(kNow, 1s)));
}

TEST(Policies, and_samples_where_all_do_and_an_empty_one_samples_all) {
  const Policy errors{"errors", StatusCodes{{StatusCode::Error}}};
  const Policy slow{"slow", Latency{.threshold = 2s}};
  EXPECT_FALSE(keeps(And{{errors, slow}}, {{.status = StatusCode::Error}}));
  EXPECT_TRUE(keeps(And{{errors, slow}}, {{.duration_us = 3'000'000, .status = StatusCode::Error}}));
  EXPECT_TRUE(keeps(And{}, {{}}));
}

TEST(Policies, and_spends_nothing_behind_a_policy_that_does_not_sample) {
  const And both{{{"errors", StatusCodes{{StatusCode::Error}}}, {"rate", RateLimiting{1, 1}}}};
  Sampler sampler(plan_of({{"both", both}}), 1);
  EXPECT_FALSE(keeps(sampler, trace_of({{}})));
  EXPECT_TRUE(keeps(sampler, trace_of({{.status = StatusCode::Error}})));
  EXPECT_FALSE(keeps(sampler, trace_of({{.status = StatusCode::Error}})));
}

TEST(Policies, not_samples_what_the_policy_inside_does_not) {
  EXPECT_TRUE(keeps(Not{{{"errors", StatusCodes{{StatusCode::Error}}}}}, {{}}));
  EXPECT_FALSE(keeps(Not{{{"all", AlwaysSample{}}}}, {{}}));
  EXPECT_EQ(refusal(Not{}), "line 7: policy \"policy\": not takes one policy, not 0");
}

TEST(Policies, drop_goes_before_all_others_wherever_it_stands) {
  Sampler sampler(plan_of({{"all", AlwaysSample{}},
                           {"health", Drop{{{"path", StringAttribute{.key = "key", .values = {"/healthz"}}}}}}}),
                  1);
  const Ballot dropped = ballot_on(sampler, trace_of(with("/healthz")));
  EXPECT_EQ(dropped.verdict(), model::Verdict::Dropped);
  EXPECT_EQ(dropped.policy(), 1);
  EXPECT_EQ(dropped.voted(), 2);
  EXPECT_TRUE(keeps(sampler, trace_of(with("/"))));
}

TEST(Policies, an_empty_drop_drops_everything) {
  Sampler sampler(plan_of({{"all", AlwaysSample{}}, {"nothing", Drop{}}}), 1);
  EXPECT_FALSE(keeps(sampler, trace_of({{}})));
}

TEST(Policies, composite_is_decided_by_the_first_policy_inside_that_samples) {
  const Composite rule{.max_total_spans_per_second = 10,
                       .policy_order = {"rest", "errors"},  // of no effect
                       .policies = {{"errors", StatusCodes{{StatusCode::Error}}}, {"rest", AlwaysSample{}}},
                       .rate_allocation = {{"errors", 10}}};
  Sampler sampler(plan_of({{"composite", rule}}), 1);
  const model::Trace error = trace_of({{.status = StatusCode::Error}});
  EXPECT_TRUE(keeps(sampler, error));
  EXPECT_FALSE(keeps(sampler, error));  // its allocation of one span is spent; "rest" is not asked
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(keeps(sampler, trace_of({{}})));
  EXPECT_FALSE(keeps(sampler, trace_of({{}})));  // an equal share of two: 5
  EXPECT_TRUE(keeps(sampler, error, base::offset(kNow, 1s)));
}

TEST(Policies, without_a_vote_a_trace_is_dropped_by_no_policy) {
  Sampler sampler(plan_of({{"errors", StatusCodes{{StatusCode::Error}}}}), 1);
  const Ballot ballot = ballot_on(sampler, trace_of({{}}));
  EXPECT_EQ(ballot.verdict(), model::Verdict::Dropped);
  EXPECT_EQ(ballot.policy(), model::Decision::kNoPolicy);
  EXPECT_EQ(ballot.voted(), 0);
}

TEST(Policies, the_first_policy_that_samples_decides_and_all_that_do_are_noted) {
  Sampler sampler(
      plan_of(
          {{"slow", Latency{.threshold = 2s}}, {"errors", StatusCodes{{StatusCode::Error}}}, {"all", AlwaysSample{}}}),
      1);
  const Ballot ballot = ballot_on(sampler, trace_of({{.status = StatusCode::Error}}));
  EXPECT_EQ(ballot.policy(), 1);
  EXPECT_EQ(ballot.voted(), 0b110);
}

TEST(Policies, sampling_on_the_first_match_spends_nothing_behind_it) {
  PolicySet set{.policies = {{"errors", StatusCodes{{StatusCode::Error}}}, {"rate", RateLimiting{1, 1}}}};
  for (const bool on_first_match : {false, true}) {
    set.sample_on_first_match = on_first_match;
    Sampler sampler(Plan::compile(set).value(), 1);
    EXPECT_TRUE(keeps(sampler, trace_of({{.status = StatusCode::Error}})));
    EXPECT_EQ(keeps(sampler, trace_of({{}})), on_first_match);
  }
}

TEST(Policies, a_trace_above_the_maximum_size_is_dropped_whatever_policies_say) {
  Sampler sampler(Plan::compile({.policies = {{"all", AlwaysSample{}}}, .maximum_trace_size_bytes = 1000}).value(), 1);
  EXPECT_TRUE(keeps(sampler, trace_of({{}}), kNow, 1000));
  const Ballot ballot = ballot_on(sampler, trace_of({{}}), kNow, 1001);
  EXPECT_EQ(ballot.verdict(), model::Verdict::Dropped);
  EXPECT_TRUE(ballot.is_too_large());
}

}  // namespace
}  // namespace backstitch::sample
