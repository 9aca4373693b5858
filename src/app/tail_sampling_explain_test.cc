#include "app/tail_sampling_explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/config_load.h"
#include "app/file.h"

namespace backstitch::app {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr TerminalStyle kPlain{.width = 100, .unicode = false, .color = false};

TailSamplingExplanation explained(const std::string& block) {
  const ConfigResult loaded = load_config(
      ConfigSources{.file_name = {}, .file_text = "tail_sampling:\n" + block, .environment = {}, .flags = {}});
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  return explain(loaded.config.tail_sampling.value_or(sample::PolicySet{}));
}

// What is said of the one policy.
PolicyExplanation of(const std::string& policy, const std::string& others = "", const std::string& keys = "") {
  const TailSamplingExplanation all = explained(keys + "  policies:\n    - {name: p, " + policy + "}\n" + others);
  for (const auto* group : {&all.drops, &all.keeps, &all.of_the_rest}) {
    for (const PolicyExplanation& each : *group) {
      if (each.name == "p") return each;
    }
  }
  return {};
}

TEST(TailSamplingExplain, page_of_a_collectors_block_is_as_kept) {
  const auto yaml = read_file(BACKSTITCH_SOURCE_DIR "/src/app/testdata/collector_tail_sampling.yaml", 1 << 20);
  const auto page = read_file(BACKSTITCH_SOURCE_DIR "/src/app/testdata/collector_tail_sampling.txt", 1 << 20);
  ASSERT_TRUE(yaml && page);
  const ConfigResult loaded =
      load_config(ConfigSources{.file_name = {}, .file_text = *yaml, .environment = {}, .flags = {}});
  ASSERT_TRUE(loaded.config.tail_sampling.has_value());
  EXPECT_EQ(explanation_text(explain(*loaded.config.tail_sampling), kPlain), *page)
      << "COLUMNS=100 LC_ALL=C backstitch config check src/app/testdata/collector_tail_sampling.yaml, from line 3 on";
}

TEST(TailSamplingExplain, drops_come_first_and_what_is_asked_of_the_rest_last) {
  const std::string text = explanation_text(
      explained("  decision_wait_after_root_received: 2s\n"
                "  policies:\n"
                "    - {name: rest, type: baseline, baseline: {percent: 1}}\n"
                "    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}\n"
                "    - {name: probes, type: drop, drop: {drop_sub_policy: [{type: string_attribute, string_attribute: "
                "{key: url.path, values: [/health]}}]}}\n"),
      kPlain);
  EXPECT_EQ(text,
            "Sampling: 3 policies, decided 30s after a trace's first span or 2s after its root\n"
            "\n"
            "Dropped, whatever else fits\n"
            "  line 6  probes  Drops traces that have url.path = \"/health\" on a span or a resource.\n"
            "\n"
            "Kept, where one of these fits\n"
            "  line 5  errors  Keeps traces that have a span with status ERROR.\n"
            "\n"
            "Of the rest\n"
            "  line 4  rest    Keeps traces that no other policy keeps and that fall into 1 % by the hash of\n"
            "                  their id, each counting for 100.\n"
            "\n"
            "All else is dropped\n"
            "\n"
            "Notes\n"
            "  - num_traces / decision_wait leaves room for 1,666 new traces per second. Beyond it the Collector\n"
            "    drops the oldest traces undecided; here they are decided early, by what is known.\n"
            "  - Without decision_cache the Collector forgets its decision with the trace, and spans that come\n"
            "    late are decided anew as a trace of their own. Here the decision is recorded, and they follow\n"
            "    it.\n"
            "  - Spans that come more than 2s after their trace's root are late.\n");
}

TEST(TailSamplingExplain, names_from_the_file_cannot_steer_the_terminal) {
  const std::string text = explanation_text(
      explained("  policies: [{name: \"a\\e[31m\", type: string_attribute, string_attribute: {key: \"k\\e\", values: "
                "[\"v\\e\"]}}]\n"),
      kPlain);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(TailSamplingExplain, lines_fit_the_terminal) {
  const auto yaml = read_file(BACKSTITCH_SOURCE_DIR "/src/app/testdata/collector_tail_sampling.yaml", 1 << 20);
  const ConfigResult loaded =
      load_config(ConfigSources{.file_name = {}, .file_text = *yaml, .environment = {}, .flags = {}});
  const std::string text =
      explanation_text(explain(*loaded.config.tail_sampling), {.width = 60, .unicode = true, .color = false});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 70U) << line;
}

TEST(TailSamplingExplain, ours_are_explained) {
  EXPECT_EQ(of("type: adaptive, adaptive: {traces_per_second: 5, keys: [http.route]}").sentence,
            "Keeps traces that make up about 5 traces per second, rare kinds first (a kind is the root's service and "
            "operation, http.route).");
  EXPECT_EQ(of("type: traceql, traceql: {query: '{ duration > 2s }'}").sentence,
            "Keeps traces that match `{ duration > 2s }`.");
  EXPECT_EQ(of("type: novel").sentence, "Keeps traces that have a call shape not seen for 1h.");
  EXPECT_EQ(of("type: orphan").sentence, "Keeps traces that have a span whose parent is missing.");
  EXPECT_EQ(of("type: error_tree").sentence, "Keeps traces that carry an error tree.");
}

TEST(TailSamplingExplain, inverted_match_is_warned_about) {
  EXPECT_THAT(of("type: string_attribute, string_attribute: {key: team, values: [a], invert_match: true}").warnings,
              ElementsAre(HasSubstr("It drops nothing")));
}

TEST(TailSamplingExplain, latency_beyond_the_wait_is_warned_about) {
  EXPECT_THAT(of("type: latency, latency: {threshold_ms: 60000}").warnings,
              ElementsAre(HasSubstr("whatever the root took"),
                          "The decision comes 30s after the first span: spans of a trace that takes longer than 1m may "
                          "come after it. Make decision_wait longer than the threshold."));
}

TEST(TailSamplingExplain, salt_of_two_choices_is_warned_about) {
  EXPECT_THAT(of("type: probabilistic, probabilistic: {sampling_percentage: 5}", "    - {name: q, type: trace_flags}\n")
                  .warnings,
              IsEmpty());
  const TailSamplingExplanation two = explained(
      "  policies:\n    - {name: a, type: probabilistic, probabilistic: {sampling_percentage: 10}}\n"
      "    - {name: b, type: baseline, baseline: {percent: 1}}\n"
      "    - {name: c, type: probabilistic, probabilistic: {sampling_percentage: 10, hash_salt: other}}\n");
  EXPECT_THAT(two.of_the_rest[0].warnings,
              ElementsAre("It has the salt of 'a', so the 1 % are among the 10 % there; they don't add up. Another "
                          "hash_salt chooses independently."));
  EXPECT_THAT(two.keeps[1].warnings, IsEmpty());
}

TEST(TailSamplingExplain, percentage_below_one_is_spelled_out) {
  EXPECT_THAT(of("type: probabilistic, probabilistic: {sampling_percentage: 0.01}").warnings,
              ElementsAre("This is 0.01 percent, one trace in 10,000."));
}

TEST(TailSamplingExplain, rate_limit_among_others_is_warned_about) {
  const std::string limit = "type: rate_limiting, rate_limiting: {spans_per_second: 100}";
  EXPECT_THAT(of(limit).warnings, ElementsAre(HasSubstr("A trace of more than 200 spans never passes")));
  EXPECT_THAT(of(limit, "    - {name: q, type: trace_flags}\n").warnings,
              ElementsAre(HasSubstr("never passes"), HasSubstr("use up its rate")));
  EXPECT_THAT(of(limit, "    - {name: q, type: trace_flags}\n", "  sample_on_first_match: true\n").warnings,
              ElementsAre(HasSubstr("never passes")));
}

TEST(TailSamplingExplain, rate_limit_in_front_inside_and_is_warned_about) {
  EXPECT_THAT(of("type: and, and: {and_sub_policy: [{name: r, type: rate_limiting, rate_limiting: {spans_per_second: "
                 "9}}, {name: e, type: trace_flags}]}")
                  .warnings,
              ElementsAre(HasSubstr("'r' stands before other policies"), HasSubstr("'r': A trace of more than 18")));
}

TEST(TailSamplingExplain, drop_of_several_is_warned_about) {
  EXPECT_THAT(
      of("type: drop, drop: {drop_sub_policy: [{name: a, type: trace_flags}, {name: b, type: span_count}]}").warnings,
      ElementsAre("Drops only where all 2 fit. For \"one of them\" write one drop policy each."));
}

TEST(TailSamplingExplain, composite_surprises_are_told) {
  const auto composite = [](const std::string& order, int percent) {
    return of("type: composite, composite: {max_total_spans_per_second: 100, policy_order: [" + order +
              "], composite_sub_policy: [{name: a, type: trace_flags}, {name: b, type: always_sample}], "
              "rate_allocation: [{policy: a, percent: " +
              std::to_string(percent) + "}]}");
  };
  EXPECT_THAT(composite("a, b", 50).warnings, ElementsAre(HasSubstr("whole seconds of the clock")));
  EXPECT_THAT(composite("b, a", 60).warnings,
              ElementsAre(HasSubstr("whole seconds"), HasSubstr("policy_order has no effect"),
                          HasSubstr("The shares add up to 110 spans per second")));
}

TEST(TailSamplingExplain, wildcard_that_is_none_is_told) {
  EXPECT_THAT(
      of("type: string_attribute, string_attribute: {key: k, values: [check*], enabled_regex_matching: true}").warnings,
      ElementsAre(HasSubstr("Expressions fit anywhere"),
                  "\"check*\" is an expression, no wildcard: '*' repeats the 'k' before it, also zero times."));
}

TEST(TailSamplingExplain, condition_that_holds_without_the_attribute_is_told) {
  const auto condition = [](const std::string& text) {
    return of("type: ottl_condition, ottl_condition: {error_mode: ignore, span: ['" + text + "']}").warnings;
  };
  EXPECT_THAT(condition(R"(attributes["a"] != "x")"),
              ElementsAre("`!=` holds for spans without \"a\" too; add `and … != nil` if that is not meant."));
  EXPECT_THAT(condition(R"(attributes["a"] != nil and attributes["a"] != "x")"), IsEmpty());
  EXPECT_THAT(condition("1 == 2"), ElementsAre("`1 == 2` is always false."));
}

TEST(TailSamplingExplain, keys_without_effect_are_named) {
  const TailSamplingExplanation all = explained(
      "  num_shards: 4\n  sampling_strategy: span-ingest\n  drop_pending_traces_on_shutdown: true\n"
      "  block_on_overflow: true\n  expected_new_traces_per_sec: 5\n  decision_cache: {sampled_cache_size: 5}\n"
      "  policies: [{name: a, type: trace_flags}]\n");
  EXPECT_EQ(all.notes.back(),
            "Without effect here: decision_cache, block_on_overflow, expected_new_traces_per_sec, num_shards, "
            "sampling_strategy and drop_pending_traces_on_shutdown.");
}

TEST(TailSamplingExplain, block_wide_surprises_are_told) {
  const TailSamplingExplanation all = explained(
      "  sample_on_first_match: true\n  maximum_trace_size_bytes: 1000\n  num_traces: 100\n"
      "  policies: [{name: a, type: trace_flags}]\n");
  EXPECT_THAT(all.notes,
              ElementsAre(HasSubstr("leaves room for 3 new traces per second"), HasSubstr("Without decision_cache"),
                          HasSubstr("sample_on_first_match"), HasSubstr("as soon as it has more than 1,000 bytes")));
}

TEST(TailSamplingExplain, json_has_each_policy_with_its_warnings) {
  const std::string json = explanation_json(
      explained("  policies: [{name: a, type: drop, drop: {drop_sub_policy: [{name: b, type: trace_flags}]}}]\n"));
  EXPECT_THAT(json, HasSubstr(R"("policies":[{"name":"a","line":2,"type":"drop","asked":"drops","says":"Drops traces )"
                              R"(that have a span with the W3C flag \"sampled\".","warnings":[]}])"));
}

}  // namespace
}  // namespace backstitch::app
