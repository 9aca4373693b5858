#include "app/tail_sampling_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config_load.h"
#include "app/file.h"

namespace backstitch::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ConfigResult from_file(std::string text) {
  return load_config(ConfigSources{.file_name = {}, .file_text = std::move(text), .environment = {}, .flags = {}});
}

std::vector<std::string> mistakes(const std::string& text) { return from_file(text).mistakes; }

// A block with one policy, which begins in line 3.
std::vector<std::string> policy_mistakes(const std::string& policy) {
  return mistakes("tail_sampling:\n  policies:\n    - " + policy + "\n");
}

template <typename T>
T rule_of(const std::string& policy) {
  const ConfigResult loaded = from_file("tail_sampling:\n  policies:\n    - " + policy + "\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  const auto* rule = std::get_if<T>(&loaded.config.tail_sampling->policies.at(0).rule);
  EXPECT_NE(rule, nullptr);
  return rule == nullptr ? T{} : *rule;
}

TEST(TailSamplingYaml, no_block_is_no_sampling) {
  EXPECT_FALSE(from_file("memory: 1GiB\n").config.tail_sampling.has_value());
}

TEST(TailSamplingYaml, block_of_a_collector_loads_as_it_is) {
  const auto text = read_file(BACKSTITCH_SOURCE_DIR "/src/app/testdata/collector_tail_sampling.yaml", 1 << 20);
  ASSERT_TRUE(text.has_value());
  const ConfigResult loaded = from_file(*text);
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_THAT(loaded.warnings, ElementsAre("line 4: 'processors.memory_limiter' has no effect here",
                                           "line 173: 'processors.batch' has no effect here"));
  ASSERT_TRUE(loaded.config.tail_sampling.has_value());
  const sample::PolicySet& set = *loaded.config.tail_sampling;
  EXPECT_EQ(set.decision_wait, seconds(10));
  EXPECT_EQ(set.num_traces, 100'000U);
  EXPECT_EQ(set.decision_cache.non_sampled_cache_size, 2'000'000);
  EXPECT_EQ(set.policies.size(), 18U);
  EXPECT_EQ(set.policies[1].rule, sample::Rule(sample::Latency{milliseconds(2000), milliseconds(60'000)}));
  EXPECT_EQ(set.policies[1].line, 18U);
  const auto& strings = std::get<sample::StringAttribute>(set.policies[6].rule);
  EXPECT_THAT(strings.values, ElementsAre("\\/cart", "check*"));
  const auto& composite = std::get<sample::Composite>(set.policies[17].rule);
  EXPECT_EQ(composite.policies.size(), 3U);
  EXPECT_EQ(composite.rate_allocation[1], (sample::RateAllocation{"tenants", 25}));
}

TEST(TailSamplingYaml, same_block_reads_alike_at_the_top_and_inside_processors) {
  const std::string policies = "{policies: [{name: a, type: always_sample}], num_traces: 7}\n";
  const ConfigResult top = from_file("tail_sampling: " + policies);
  const ConfigResult named = from_file("tail_sampling/a: " + policies);
  const ConfigResult inside = from_file("processors: {tail_sampling: " + policies + "}");
  ASSERT_TRUE(top.config.tail_sampling && named.config.tail_sampling && inside.config.tail_sampling);
  EXPECT_EQ(*top.config.tail_sampling, *named.config.tail_sampling);
  EXPECT_EQ(*top.config.tail_sampling, *inside.config.tail_sampling);
}

TEST(TailSamplingYaml, defaults_are_the_collectors) {
  const ConfigResult loaded = from_file("tail_sampling: {policies: [{name: a, type: always_sample}]}\n");
  const sample::PolicySet& set = *loaded.config.tail_sampling;
  EXPECT_EQ(set.decision_wait, seconds(30));
  EXPECT_EQ(set.num_traces, 50'000U);
  EXPECT_EQ(set.num_shards, 1U);
  EXPECT_FALSE(set.sample_on_first_match);
}

TEST(TailSamplingYaml, every_key_of_the_block_is_read) {
  const ConfigResult loaded = from_file(
      "tail_sampling:\n"
      "  decision_wait: 1m30s\n"
      "  decision_wait_after_root_received: 5s\n"
      "  num_traces: 1_000\n"
      "  block_on_overflow: true\n"
      "  expected_new_traces_per_sec: 20\n"
      "  decision_cache: {sampled_cache_size: 3, non_sampled_cache_size: 4}\n"
      "  tail_storage: file_storage/tail\n"
      "  sample_on_first_match: true\n"
      "  sampling_strategy: span-ingest\n"
      "  drop_pending_traces_on_shutdown: true\n"
      "  maximum_trace_size_bytes: 5000\n"
      "  num_shards: 1\n"
      "  policies: [{name: a, type: always_sample}]\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  const sample::PolicySet& set = *loaded.config.tail_sampling;
  sample::PolicySet expected;
  expected.decision_wait = seconds(90);
  expected.decision_wait_after_root_received = seconds(5);
  expected.num_traces = 1000;
  expected.block_on_overflow = true;
  expected.expected_new_traces_per_sec = 20;
  expected.decision_cache = {3, 4};
  expected.tail_storage = "file_storage/tail";
  expected.sample_on_first_match = true;
  expected.sampling_strategy = sample::SamplingStrategy::SpanIngest;
  expected.drop_pending_traces_on_shutdown = true;
  expected.maximum_trace_size_bytes = 5000;
  expected.policies = set.policies;
  EXPECT_EQ(set, expected);
}

TEST(TailSamplingYaml, our_types_are_read) {
  EXPECT_EQ(
      rule_of<sample::Adaptive>("{name: a, type: adaptive, adaptive: {traces_per_second: 12.5, keys: [http.route], "
                                "interval: 30s, weight: 0.25, keys_max: 100}}"),
      (sample::Adaptive{.traces_per_second = 12.5,
                        .percent = 0,
                        .keys = {"http.route"},
                        .interval = seconds(30),
                        .weight = 0.25,
                        .keys_max = 100}));
  EXPECT_EQ(rule_of<sample::TraceQl>("{name: a, type: traceql, traceql: {query: '{ duration > 2s }'}}").query,
            "{ duration > 2s }");
  EXPECT_EQ(rule_of<sample::Baseline>("{name: a, type: baseline, baseline: {percent: 0.5, hash_salt: x}}"),
            (sample::Baseline{0.5, "x"}));
  EXPECT_EQ(rule_of<sample::Novel>("{name: a, type: novel, novel: {forget_after: 10m, shapes_max: 50}}"),
            (sample::Novel{seconds(600), 50}));
  rule_of<sample::Orphan>("{name: a, type: orphan}");
  rule_of<sample::ErrorTree>("{name: a, type: error_tree}");
}

TEST(TailSamplingYaml, policies_stand_inside_each_other_as_in_the_collector) {
  const auto composite = rule_of<sample::Composite>(
      "{name: c, type: composite, composite: {composite_sub_policy: [{name: a, type: and, and: {and_sub_policy: "
      "[{type: not, not: {not_sub_policy: {type: latency}}}]}}]}}");
  const auto& inner = std::get<sample::And>(composite.policies.at(0).rule);
  const auto& turned = std::get<sample::Not>(inner.policies.at(0).rule);
  EXPECT_TRUE(std::holds_alternative<sample::Latency>(turned.policy.at(0).rule));
}

// ---- mistakes: each kind, with its line and, where there is one, what was most likely meant

TEST(TailSamplingYaml, misspelled_block_is_named) {
  EXPECT_THAT(mistakes("tail_samplng: {}\n"),
              ElementsAre("line 1: unknown key 'tail_samplng'; did you mean 'tail_sampling'?"));
  EXPECT_THAT(mistakes("processors:\n  tail_samplig: {}\n"),
              ElementsAre("line 2: unknown key 'processors.tail_samplig'; did you mean 'processors.tail_sampling'?"));
}

TEST(TailSamplingYaml, two_blocks_are_named_with_both_lines) {
  EXPECT_THAT(
      mistakes("tail_sampling: {policies: [{name: a, type: always_sample}]}\n"
               "processors:\n  tail_sampling/b: {policies: []}\n"),
      ElementsAre("line 3: 'processors.tail_sampling/b' is here and 'tail_sampling' in line 1; one of them must "
                  "go"));
}

TEST(TailSamplingYaml, block_without_policies_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling: {num_traces: 5}\n"),
              ElementsAre("line 1: tail_sampling: at least one policy is needed, in 'policies'"));
}

TEST(TailSamplingYaml, block_that_is_no_mapping_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling: on\n"), ElementsAre("line 1: 'tail_sampling' holds further keys, not a value"));
  EXPECT_THAT(mistakes("processors: tail_sampling\n"),
              ElementsAre("line 1: 'processors' holds further keys, not a value"));
}

TEST(TailSamplingYaml, misspelled_key_of_the_block_is_named) {
  EXPECT_THAT(mistakes("tail_sampling:\n  decison_wait: 5s\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: unknown key 'tail_sampling.decison_wait'; did you mean 'decision_wait'?"));
}

TEST(TailSamplingYaml, key_given_twice_is_named_with_both_lines) {
  EXPECT_THAT(
      mistakes("tail_sampling:\n  num_traces: 5\n  num_traces: 6\n  policies: [{name: a, type: always_sample}]\n"),
      ElementsAre("line 3: 'tail_sampling.num_traces' was given before, in line 2"));
}

TEST(TailSamplingYaml, duration_without_unit_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling:\n  decision_wait: 10\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: tail_sampling.decision_wait: '10' is no duration such as 10s or 1m30s"));
}

TEST(TailSamplingYaml, wait_of_days_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling:\n  decision_wait: 25h\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: tail_sampling.decision_wait: 25h is longer than 24h"));
}

TEST(TailSamplingYaml, wait_after_the_root_that_is_longer_than_the_wait_is_taken_as_the_collector_takes_it) {
  EXPECT_THAT(mistakes("tail_sampling:\n  decision_wait: 5s\n  decision_wait_after_root_received: 6s\n"
                       "  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre());
}

TEST(TailSamplingYaml, wait_is_no_longer_than_a_trace_may_be_open) {
  EXPECT_THAT(mistakes("trace_max_age: 1m\ntail_sampling:\n  decision_wait: 5m\n"
                       "  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: trace_max_age must not be shorter than tail_sampling.decision_wait"));
}

TEST(TailSamplingYaml, decision_wait_outside_of_the_block_is_warned_about) {
  EXPECT_THAT(from_file("decision_wait: 3s\ntail_sampling: {policies: [{name: a, type: always_sample}]}\n").warnings,
              ElementsAre("line 1: decision_wait has no effect beside tail_sampling, which has its own"));
}

TEST(TailSamplingYaml, number_that_is_none_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling:\n  num_traces: many\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: tail_sampling.num_traces: 'many' is no whole number"));
  EXPECT_THAT(policy_mistakes("{name: a, type: latency, latency: {threshold_ms: 1.5}}"),
              ElementsAre("line 3: policy 'a': latency.threshold_ms: '1.5' is no whole number"));
}

TEST(TailSamplingYaml, negative_count_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling:\n  num_traces: -1\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre(HasSubstr("line 2: tail_sampling.num_traces: -1 is outside 0 …")));
}

TEST(TailSamplingYaml, boolean_that_is_none_is_refused) {
  EXPECT_THAT(
      mistakes("tail_sampling:\n  sample_on_first_match: maybe\n  policies: [{name: a, type: always_sample}]\n"),
      ElementsAre("line 2: tail_sampling.sample_on_first_match: 'maybe' is neither true nor false"));
}

TEST(TailSamplingYaml, strategy_of_another_name_is_refused) {
  EXPECT_THAT(
      mistakes("tail_sampling:\n  sampling_strategy: eager\n  policies: [{name: a, type: always_sample}]\n"),
      ElementsAre("line 2: tail_sampling.sampling_strategy: 'eager' is neither trace-complete nor span-ingest"));
}

TEST(TailSamplingYaml, shards_are_bounded_as_in_the_collector) {
  EXPECT_THAT(mistakes("tail_sampling:\n  num_shards: 257\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: tail_sampling.num_shards: 257 is outside 0 … 256"));
  EXPECT_THAT(mistakes("tail_sampling: {num_shards: 2, tail_storage: s, policies: [{name: a, type: always_sample}]}\n"),
              ElementsAre(HasSubstr("no num_shards above 1 with tail_storage")));
}

TEST(TailSamplingYaml, value_that_the_collector_fills_in_is_refused) {
  EXPECT_THAT(mistakes("tail_sampling:\n  num_traces: ${env:TRACES}\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: tail_sampling.num_traces: '${env:TRACES}' is filled in by the Collector; write the "
                          "value here"));
}

TEST(TailSamplingYaml, policies_that_are_no_list_are_refused) {
  EXPECT_THAT(mistakes("tail_sampling:\n  policies: {name: a}\n"),
              ElementsAre("line 2: 'tail_sampling.policies' takes a list"));
}

TEST(TailSamplingYaml, policy_without_a_name_is_refused) {
  EXPECT_THAT(policy_mistakes("{type: always_sample}"), ElementsAre("line 3: policy 1: 'name' is needed"));
}

TEST(TailSamplingYaml, policy_that_is_a_word_is_refused) {
  EXPECT_THAT(policy_mistakes("always_sample"), ElementsAre("line 3: policy 1: 'name' and 'type' are needed"));
}

TEST(TailSamplingYaml, name_given_twice_is_named_with_both_lines) {
  EXPECT_THAT(policy_mistakes("{name: a, type: always_sample}\n    - {name: a, type: trace_flags}"),
              ElementsAre("line 4: policy 'a': another policy has this name, in line 3"));
}

TEST(TailSamplingYaml, policy_without_a_type_is_refused) {
  EXPECT_THAT(policy_mistakes("{name: a}"),
              ElementsAre("line 3: policy 'a': 'type' is needed, such as latency or status_code"));
}

TEST(TailSamplingYaml, misspelled_type_is_named) {
  EXPECT_THAT(policy_mistakes("{name: a, type: latancy}"),
              ElementsAre("line 3: policy 'a': type: there is no type 'latancy'; did you mean 'latency'?"));
  EXPECT_THAT(policy_mistakes("{name: a, type: my_extension}"),
              ElementsAre("line 3: policy 'a': type: there is no type 'my_extension'"));
}

TEST(TailSamplingYaml, type_stands_only_where_it_may) {
  EXPECT_THAT(policy_mistakes("{name: a, type: and, and: {and_sub_policy: [{name: b, type: drop}]}}"),
              ElementsAre("line 3: policy 'b': type: 'drop' does not stand inside 'and'"));
  EXPECT_THAT(policy_mistakes("{name: a, type: not, not: {not_sub_policy: {name: b, type: and}}}"),
              ElementsAre("line 3: policy 'b': type: 'and' does not stand inside 'not'"));
  EXPECT_THAT(policy_mistakes("{name: a, type: drop, drop: {drop_sub_policy: [{name: b, type: baseline}]}}"),
              ElementsAre("line 3: policy 'b': type: 'baseline' does not stand inside 'drop'"));
}

TEST(TailSamplingYaml, misspelled_block_of_a_policy_is_named) {
  EXPECT_THAT(policy_mistakes("{name: a, type: latency, latancy: {threshold_ms: 5}}"),
              ElementsAre("line 3: policy 'a': unknown key 'latancy'; did you mean 'latency'?"));
}

TEST(TailSamplingYaml, misspelled_key_of_a_policy_is_named) {
  EXPECT_THAT(policy_mistakes("{name: a, type: latency, latency: {treshold_ms: 5}}"),
              ElementsAre("line 3: policy 'a': unknown key 'latency.treshold_ms'; did you mean 'threshold_ms'?"));
}

TEST(TailSamplingYaml, block_of_another_type_is_warned_about) {
  EXPECT_THAT(
      from_file("tail_sampling:\n  policies:\n    - {name: a, type: always_sample, latency: {threshold_ms: 5}}\n")
          .warnings,
      ElementsAre("line 3: policy 'a': 'latency' has no effect, since the type is always_sample"));
}

// An example in the Collector's README has it so, by a mistake of its own: it must load.
TEST(TailSamplingYaml, attribute_policy_whose_block_is_of_another_type_loads_with_warnings) {
  const ConfigResult loaded = from_file(
      "tail_sampling:\n  policies:\n    - {name: a, type: boolean_attribute, string_attribute: {key: k, values: "
      "[v]}}\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_THAT(loaded.warnings,
              ElementsAre("line 3: policy 'a': 'string_attribute' has no effect, since the type is boolean_attribute",
                          "line 3: policy 'a': boolean_attribute: 'key' is missing, so nothing fits"));
}

TEST(TailSamplingYaml, attribute_policy_without_a_key_is_warned_about) {
  for (const std::string type : {"string_attribute", "boolean_attribute", "trace_state"}) {
    EXPECT_THAT(from_file("tail_sampling:\n  policies: [{name: a, type: " + type + "}]\n").warnings,
                ElementsAre("line 2: policy 'a': " + type + ": 'key' is missing, so nothing fits"));
  }
}

TEST(TailSamplingYaml, numeric_policy_needs_a_bound) {
  EXPECT_THAT(policy_mistakes("{name: a, type: numeric_attribute, numeric_attribute: {key: k, min_value: 0}}"),
              ElementsAre("line 3: policy 'a': numeric_attribute: min_value or max_value is needed (0 is no bound)"));
}

TEST(TailSamplingYaml, expression_that_is_none_is_named_with_its_line) {
  EXPECT_THAT(
      policy_mistakes("name: a\n      type: string_attribute\n      string_attribute:\n        key: k\n"
                      "        enabled_regex_matching: true\n        values:\n          - fine\n          - '('"),
      ElementsAre(HasSubstr("line 10: policy 'a': string_attribute.values[1]: ")));
}

TEST(TailSamplingYaml, status_code_of_another_name_is_refused) {
  EXPECT_THAT(policy_mistakes("{name: a, type: status_code, status_code: {status_codes: [ERROR, error]}}"),
              ElementsAre("line 3: policy 'a': status_code.status_codes: 'error' is none of OK, ERROR, UNSET"));
  EXPECT_THAT(policy_mistakes("{name: a, type: status_code}"),
              ElementsAre("line 3: policy 'a': status_code: 'status_codes' is needed: a list of OK, ERROR or UNSET"));
}

TEST(TailSamplingYaml, condition_is_named_with_its_line_and_the_place_in_it) {
  EXPECT_THAT(policy_mistakes("name: a\n      type: ottl_condition\n      ottl_condition:\n        span:\n"
                              "          - name == \"x\"\n          - attribute[\"a\"] == 1"),
              ElementsAre("line 8: policy 'a': ottl_condition.span[1]: 1:1: there is no path 'attribute'; did you mean "
                          "'attributes'?"));
}

TEST(TailSamplingYaml, error_mode_of_another_name_is_refused) {
  EXPECT_THAT(
      policy_mistakes("{name: a, type: ottl_condition, ottl_condition: {error_mode: loud, span: ['true']}}"),
      ElementsAre("line 3: policy 'a': ottl_condition.error_mode: 'loud' is none of ignore, silent, propagate"));
}

TEST(TailSamplingYaml, conditions_are_needed) {
  EXPECT_THAT(policy_mistakes("{name: a, type: ottl_condition}"),
              ElementsAre(HasSubstr("at least one condition is needed, in 'span' or 'spanevent'")));
}

TEST(TailSamplingYaml, policies_inside_are_needed) {
  EXPECT_THAT(policy_mistakes("{name: a, type: and}"), ElementsAre(HasSubstr("'and_sub_policy' is needed")));
  EXPECT_THAT(policy_mistakes("{name: a, type: drop}"), ElementsAre(HasSubstr("'drop_sub_policy' is needed")));
  EXPECT_THAT(policy_mistakes("{name: a, type: not}"), ElementsAre(HasSubstr("'not_sub_policy' is needed")));
  EXPECT_THAT(policy_mistakes("{name: a, type: composite}"),
              ElementsAre(HasSubstr("'composite_sub_policy' is needed")));
}

TEST(TailSamplingYaml, allocation_for_nobody_is_named_with_the_nearest) {
  EXPECT_THAT(policy_mistakes("{name: a, type: composite, composite: {composite_sub_policy: [{name: carts, type: "
                              "always_sample}], rate_allocation: [{policy: cart, percent: 50}]}}"),
              ElementsAre("line 3: policy 'a': composite.rate_allocation: there is no policy 'cart' in "
                          "composite_sub_policy; did you mean 'carts'?"));
}

TEST(TailSamplingYaml, adaptive_takes_one_goal) {
  EXPECT_THAT(policy_mistakes("{name: a, type: adaptive}"),
              ElementsAre("line 3: policy 'a': adaptive: either 'traces_per_second' or 'percent' is needed, above 0"));
  EXPECT_THAT(policy_mistakes("{name: a, type: adaptive, adaptive: {traces_per_second: 5, percent: 5}}"),
              ElementsAre(HasSubstr("either 'traces_per_second' or 'percent' is needed")));
}

TEST(TailSamplingYaml, query_is_named_with_the_place_in_it) {
  EXPECT_THAT(policy_mistakes("{name: a, type: traceql, traceql: {query: '{ duration > }'}}"),
              ElementsAre(HasSubstr("line 3: policy 'a': traceql.query: 1:14: ")));
  EXPECT_THAT(policy_mistakes("{name: a, type: traceql, traceql: {query: '{ } | rate()'}}"),
              ElementsAre(HasSubstr("a query of traces is needed, not of metrics")));
}

TEST(TailSamplingYaml, percent_of_nothing_is_refused) {
  EXPECT_THAT(policy_mistakes("{name: a, type: baseline, baseline: {percent: 0}}"),
              ElementsAre("line 3: policy 'a': baseline: 'percent' must be above 0"));
  EXPECT_THAT(policy_mistakes("{name: a, type: baseline, baseline: {percent: 101}}"),
              ElementsAre("line 3: policy 'a': baseline.percent: 101 is outside 0 … 100"));
}

TEST(TailSamplingYaml, memory_of_shapes_is_whole_seconds) {
  EXPECT_THAT(policy_mistakes("{name: a, type: novel, novel: {forget_after: 500ms}}"),
              ElementsAre("line 3: policy 'a': novel.forget_after: whole seconds are needed, 1s or more"));
}

TEST(TailSamplingYaml, merge_keys_are_refused_by_name) {
  EXPECT_THAT(mistakes("tail_sampling:\n  <<: {num_traces: 5}\n  policies: [{name: a, type: always_sample}]\n"),
              ElementsAre("line 2: 'tail_sampling.<<': merge keys are not read here; write the keys out"));
}

TEST(TailSamplingYaml, what_only_the_whole_set_shows_is_told_with_a_line) {
  std::string policies;
  for (int i = 0; i < 70; ++i) {
    policies += "    - {name: p" + std::to_string(i) + ", type: boolean_attribute, boolean_attribute: {key: k" +
                std::to_string(i) + ", value: true}}\n";
  }
  EXPECT_THAT(mistakes("tail_sampling:\n  policies:\n" + policies),
              ElementsAre(AllOf(HasSubstr("line 2: "), HasSubstr("different attributes; at most 64"))));
}

TEST(TailSamplingYaml, all_mistakes_are_listed_by_line) {
  EXPECT_THAT(
      mistakes("tail_sampling:\n  num_traces: x\n  policies:\n    - {name: a, type: latancy}\n  numtraces: 5\n"),
      ElementsAre(HasSubstr("line 2: "), HasSubstr("line 4: "), HasSubstr("line 5: ")));
}

}  // namespace
}  // namespace backstitch::app
