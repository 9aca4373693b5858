// Traces that outlive their window: what is asked about which of their fragments, and what a large one costs others.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ingest/ingest_testing.h"
#include "ingest/path_testing.h"
#include "wire/otlp/decode.h"

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;
using model::DecisionCause;
using model::Verdict;

struct SpanSpec {
  uint8_t trace = 1;
  uint32_t span = 1;
  uint32_t parent = 0;
  bool is_error = false;
  std::string name = "op";
};

model::SpanId span_id(uint32_t number) {
  model::SpanId id;
  for (size_t i = 0; i < 4; ++i) id.bytes[7 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

std::string request(const std::vector<SpanSpec>& specs) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  for (const SpanSpec& spec : specs) {
    model::Span span{.trace_id = trace_id(spec.trace),
                     .span_id = span_id(spec.span),
                     .parent_span_id = span_id(spec.parent),
                     .name = spec.name,
                     .start = {1'700'000'000'000'000'000},
                     .end = {1'700'000'000'010'000'000}};
    if (spec.is_error) span.status.code = model::StatusCode::Error;
    set.spans.push_back(span);
  }
  return wire::otlp::encode_request(set);
}

std::shared_ptr<const sample::Plan> plan_of(sample::Rule rule, uint64_t size_max = 0) {
  sample::PolicySet set{.maximum_trace_size_bytes = size_max};
  set.policies.push_back({.name = "one", .rule = std::move(rule)});
  return sample::Plan::compile(set).value();
}

// A path whose trace 1 has one span in grace and gets `later` afterwards, as the next fragment.
struct TwoFragments {
  explicit TwoFragments(sample::Rule rule, const SpanSpec& first, const SpanSpec& later)
      : path(plan_of(std::move(rule)), {.decision_wait = 5s, .grace_age = 60s}) {
    path.receive(request({first}));
    path.clock.advance(6s);
    path.decide();
    path.clock.advance(31s);  // more than half of its grace: it takes nothing more
    path.receive(request({later}));
    path.clock.advance(6s);
    path.decide();
  }
  size_t stored() {
    const auto found = path.store->find(trace_id(1));
    return found ? found->spans.size() : 0;
  }

  StepwisePath path;
};

TEST(LongTraces, a_policy_for_several_spans_sees_those_of_fragments_in_grace_too) {
  TwoFragments trace(sample::TraceQl{.query = "{ name = \"a\" } && { name = \"b\" }"}, {.span = 1, .name = "a"},
                     {.span = 2, .name = "b"});
  EXPECT_EQ(trace.stored(), 2u);
  ASSERT_EQ(trace.path.why(trace_id(1)).size(), 2u);
  EXPECT_EQ(trace.path.why(trace_id(1)).back().cause, DecisionCause::Reopened);
  EXPECT_EQ(trace.path.why(trace_id(1)).back().span_count, 2u);
}

TEST(LongTraces, a_span_whose_parent_is_in_an_earlier_fragment_is_no_orphan) {
  TwoFragments trace(sample::Orphan{}, {.span = 1}, {.span = 2, .parent = 1});
  EXPECT_EQ(trace.stored(), 0u);
}

TEST(LongTraces, a_span_whose_parent_is_nowhere_is_an_orphan_in_a_later_fragment_too) {
  TwoFragments trace(sample::Orphan{}, {.span = 1}, {.span = 2, .parent = 9});
  EXPECT_EQ(trace.stored(), 2u);
}

TEST(LongTraces, an_error_keeps_its_own_fragment_all_later_ones_and_earlier_ones_that_are_still_in_grace) {
  StepwisePath path(plan_of(sample::StatusCodes{{model::StatusCode::Error}}), {.decision_wait = 5s, .grace_age = 60s});
  uint32_t span = 0;
  const auto go_on = [&](uint32_t seconds, bool is_error) {
    path.receive(request({{.span = ++span, .is_error = is_error}}));
    for (uint32_t i = 1; i < seconds; ++i) {
      path.clock.advance(1s);
      path.decide();
      path.receive(request({{.span = ++span}}));
    }
    path.clock.advance(1s);
    path.decide();
  };
  go_on(300, false);
  EXPECT_EQ(path.kept.count(trace_id(1)), 0u);
  go_on(100, true);
  path.clock.advance(60s);
  path.decide();
  const auto trace = path.store->find(trace_id(1));
  ASSERT_TRUE(trace) << trace.error().message;
  uint32_t before = 0;
  uint32_t after = 0;
  for (const model::Span& one : trace->spans) {
    uint32_t number = 0;
    for (size_t i = 4; i < 8; ++i) number = number << 8 | one.span_id.bytes[i];
    (number <= 300 ? before : after) += 1;
  }
  EXPECT_EQ(after, 100u);
  // A span stays for half of grace at least, and not for longer than grace and the window that it came in.
  EXPECT_GE(before, 29u);
  EXPECT_LE(before, 66u);
}

// Each fragment's verdict, cause and spans.
std::vector<std::string> told(StepwisePath& path) {
  std::vector<std::string> all;
  for (const model::Decision& one : path.why(trace_id(1))) {
    all.push_back(fmt::format("{} {} {}+{}", one.verdict == Verdict::Kept ? "kept" : "dropped",
                              one.cause == DecisionCause::EarlyAtSize ? "size"
                              : one.cause == DecisionCause::Window    ? "window"
                                                                      : "reopened",
                              one.span_count, one.late_span_count));
  }
  return all;
}

// 25 spans of a trace whose fragments hold ten; the 13th fails where `fails` says so.
void send_three_fragments(StepwisePath& path, bool fails) {
  for (uint32_t span = 1; span <= 25; ++span) {
    path.receive(request({{.span = span, .is_error = fails && span == 13}}));
    path.clock.advance(100ms);
    path.decide();
  }
  path.clock.advance(6s);
  path.decide();
}

TEST(LongTraces, each_full_fragment_has_a_decision_and_what_is_less_follows_the_one_before) {
  StepwisePath path(plan_of(sample::AlwaysSample{}), {.decision_wait = 5s, .spans_per_trace = 10});
  send_three_fragments(path, false);
  EXPECT_EQ(told(path), (std::vector<std::string>{"kept size 10+0", "kept size 10+5"}));
  EXPECT_EQ(path.why(trace_id(1)).back().policy, 0);
  EXPECT_EQ(path.store->find(trace_id(1))->spans.size(), 25u);
}

TEST(LongTraces, a_failing_fragment_keeps_the_one_in_grace_before_it_and_all_that_follow) {
  StepwisePath path(plan_of(sample::StatusCodes{{model::StatusCode::Error}}),
                    {.decision_wait = 5s, .spans_per_trace = 10});
  send_three_fragments(path, true);
  EXPECT_EQ(told(path), (std::vector<std::string>{"dropped size 10+0", "kept reopened 20+5"}));
  EXPECT_EQ(path.store->find(trace_id(1))->spans.size(), 25u);
}

TEST(LongTraces, full_fragments_without_evidence_are_dropped_one_by_one) {
  StepwisePath path(plan_of(sample::StatusCodes{{model::StatusCode::Error}}),
                    {.decision_wait = 5s, .spans_per_trace = 10});
  send_three_fragments(path, false);
  EXPECT_EQ(told(path), (std::vector<std::string>{"dropped size 10+0", "dropped size 10+5"}));
}

TEST(LongTraces, one_that_passes_the_largest_size_is_dropped_at_once_and_what_follows_with_it) {
  StepwisePath path(plan_of(sample::AlwaysSample{}, 1000), {.decision_wait = 1h, .trace_bytes_max = 1000});
  path.receive(request({{.trace = 1, .span = 1}, {.trace = 2, .span = 1}}));
  std::vector<SpanSpec> many;
  for (uint32_t i = 2; i < 50; ++i) many.push_back({.span = i});
  path.receive(request(many));
  path.clock.advance(100ms);
  path.decide();
  ASSERT_EQ(path.why(trace_id(1)).size(), 1u);
  EXPECT_EQ(path.why(trace_id(1))[0].verdict, Verdict::Dropped);
  EXPECT_EQ(path.why(trace_id(1))[0].cause, DecisionCause::EarlyAtSize);
  EXPECT_EQ(path.why(trace_id(1))[0].span_count, 49u);
  EXPECT_TRUE(path.why(trace_id(2)).empty());
  path.receive(request({{.span = 60, .is_error = true}}));
  path.clock.advance(2s);
  path.decide();
  EXPECT_EQ(path.why(trace_id(1)).back().late_span_count, 1u);
  EXPECT_TRUE(path.kept.empty());
}

}  // namespace
}  // namespace backstitch::ingest
