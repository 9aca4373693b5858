#include "app/tail_sampling_print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config_load.h"
#include "app/config_print.h"
#include "app/file.h"

namespace backstitch::app {
namespace {

ConfigResult from_file(std::string text) {
  return load_config(ConfigSources{.file_name = {}, .file_text = std::move(text), .environment = {}, .flags = {}});
}

// NOLINTNEXTLINE(misc-no-recursion)
void forget_lines(std::vector<sample::Policy>& policies) {
  for (sample::Policy& policy : policies) {
    policy.line = 0;
    if (auto* rule = std::get_if<sample::And>(&policy.rule)) forget_lines(rule->policies);
    if (auto* rule = std::get_if<sample::Drop>(&policy.rule)) forget_lines(rule->policies);
    if (auto* rule = std::get_if<sample::Not>(&policy.rule)) forget_lines(rule->policy);
    if (auto* rule = std::get_if<sample::Composite>(&policy.rule)) forget_lines(rule->policies);
  }
}

void expect_round_trip(const std::string& yaml) {
  ConfigResult first = from_file(yaml);
  ASSERT_TRUE(first.mistakes.empty()) << first.mistakes.front();
  ConfigResult again = from_file(config_yaml(first));
  ASSERT_TRUE(again.mistakes.empty()) << again.mistakes.front() << "\n" << config_yaml(first);
  ASSERT_TRUE(first.config.tail_sampling && again.config.tail_sampling);
  forget_lines(first.config.tail_sampling->policies);
  forget_lines(again.config.tail_sampling->policies);
  EXPECT_EQ(*first.config.tail_sampling, *again.config.tail_sampling) << config_yaml(first);
}

TEST(TailSamplingPrint, printed_block_of_a_collector_loads_to_the_same) {
  const auto text = read_file(BACKSTITCH_SOURCE_DIR "/src/app/testdata/collector_tail_sampling.yaml", 1 << 20);
  ASSERT_TRUE(text.has_value());
  expect_round_trip(*text);
}

TEST(TailSamplingPrint, printed_block_of_ours_loads_to_the_same) {
  expect_round_trip(
      "tail_sampling:\n"
      "  decision_wait: 1m30s\n  decision_wait_after_root_received: 5s\n  num_shards: 3\n  block_on_overflow: true\n"
      "  sampling_strategy: span-ingest\n  sample_on_first_match: true\n  maximum_trace_size_bytes: 7\n"
      "  drop_pending_traces_on_shutdown: true\n"
      "  policies:\n"
      "    - {name: a, type: adaptive, adaptive: {percent: 0.5, keys: [http.route], interval: 1m, weight: 1}}\n"
      "    - {name: 'b: \"x\" # y', type: traceql, traceql: {query: '{ name = \"a\\\\b\" } | count() > 2'}}\n"
      "    - {name: c, type: baseline, baseline: {percent: 0.01, hash_salt: s}}\n"
      "    - {name: d, type: novel, novel: {forget_after: 90s, shapes_max: 5}}\n"
      "    - {name: e, type: orphan}\n"
      "    - {name: f, type: error_tree}\n"
      "    - {name: g, type: string_attribute, string_attribute: {key: k, values: ['', 'ä', \"\\t\"], invert_match: "
      "true}}\n"
      "    - {name: h, type: boolean_attribute, boolean_attribute: {key: k}}\n"
      "    - {name: i, type: ottl_condition, ottl_condition: {error_mode: propagate, spanevent: ['name == \"x\"']}}\n");
}

TEST(TailSamplingPrint, yaml_is_what_a_person_would_write) {
  const ConfigResult loaded = from_file(
      "tail_sampling: {policies: [{name: slow, type: latency, latency: {threshold_ms: 500}}, {name: both, type: and, "
      "and: {and_sub_policy: [{type: trace_flags}, {type: status_code, status_code: {status_codes: [ERROR]}}]}}]}\n");
  EXPECT_EQ(tail_sampling_to_yaml(*loaded.config.tail_sampling),
            "tail_sampling:\n"
            "  decision_wait: \"30s\"\n"
            "  decision_wait_after_root_received: \"0s\"\n"
            "  num_traces: 50000\n"
            "  policies:\n"
            "    - name: \"slow\"\n"
            "      type: \"latency\"\n"
            "      latency:\n"
            "        threshold_ms: 500\n"
            "    - name: \"both\"\n"
            "      type: \"and\"\n"
            "      and:\n"
            "        and_sub_policy:\n"
            "          - type: \"trace_flags\"\n"
            "          - type: \"status_code\"\n"
            "            status_code:\n"
            "              status_codes: [\"ERROR\"]\n");
}

TEST(TailSamplingPrint, json_names_value_and_origin) {
  const std::string json =
      config_json(from_file("memory: 1GiB\ntail_sampling: {policies: [{name: a, type: trace_flags}]}\n"));
  EXPECT_NE(json.find(R"("tail_sampling":{"value":{"decision_wait":"30s","decision_wait_after_root_received":"0s",)"
                      R"("num_traces":50000,"policies":[{"name":"a","type":"trace_flags"}]},"from":"line 2"})"),
            std::string::npos)
      << json;
}

}  // namespace
}  // namespace backstitch::app
