// Compiled plans against the naive twin: random policies, random traces in random parts.
#include <charconv>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string_view>

#include "base/random.h"
#include "sample/naive_policies_testing.h"
#include "sample/sampler.h"
#include "sample/span_set_input.h"

namespace backstitch::sample {
namespace {

using base::Random;
using base::Timestamp;
using model::Value;

uint64_t seed() {
  uint64_t seed = 1;
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

template <typename T>
const T& one_of(const std::vector<T>& values, Random& random) {
  return values[random.below(values.size())];
}

const std::vector<std::string> kKeys = {"http.route", "code", "flag", "service.name"};
const std::vector<std::string> kTexts = {"", "GET", "WIDGETS", "/cart", "/pay", "cart"};

Value random_value(Random& random) {
  switch (random.below(7)) {
    case 0:
      return Value(random.chance(0.5));
    case 1:
      return Value(static_cast<int64_t>(random.below(7)) - 2);
    case 2:
      return Value(static_cast<double>(random.below(4)));
    case 3:
      return random.chance(0.5) ? Value() : Value(model::Array{{Value("GET"), Value(3)}});
    default:
      return Value(one_of(kTexts, random));
  }
}

model::Attributes random_attributes(Random& random, double density) {
  model::Attributes attributes;
  for (const std::string& key : kKeys) {
    if (random.chance(density)) attributes.push_back({key, random_value(random)});
  }
  return attributes;
}

model::SpanId span_id(uint64_t number) {
  model::SpanId id;
  id.bytes[7] = static_cast<uint8_t>(number);
  return id;
}

model::Span random_span(Random& random, const model::TraceId& id, uint64_t number) {
  model::Span span;
  span.trace_id = id;
  span.span_id = span_id(number);
  if (number > 1 && random.chance(0.9)) span.parent_span_id = span_id(1 + random.below(number));
  if (random.chance(0.05)) span.parent_span_id = span_id(200);
  if (span.parent_span_id == span.span_id) span.parent_span_id = {};
  span.name = one_of<std::string>({"GET", "pay", "SELECT"}, random);
  span.kind = static_cast<model::SpanKind>(random.below(6));
  span.start = {1'000'000'000'000 + random.below(4'000) * 500'000};
  span.end = {span.start.unix_nanos + random.below(4'000) * 500'000};
  if (random.chance(0.01)) span.start = {};
  if (random.chance(0.02)) span.end = {};
  span.attributes = random_attributes(random, 0.3);
  span.status.code = random.chance(0.9) ? model::StatusCode::Unset : static_cast<model::StatusCode>(random.below(3));
  span.status.message = one_of(kTexts, random);
  span.flags = static_cast<uint32_t>(random.below(20) == 0 ? 0x301 : 0x300);
  if (random.chance(0.3)) span.trace_state = one_of<std::string>({"a=1", "a=2,b=1", "a==1", "b=1"}, random);
  if (random.chance(0.1)) span.events.push_back({.name = "exception", .attributes = random_attributes(random, 0.4)});
  if (random.chance(0.02)) span.events.push_back({.name = "backstitch.error_tree", .attributes = {}});
  if (random.chance(0.05)) span.links.push_back({.attributes = random_attributes(random, 0.4)});
  span.resource = static_cast<uint32_t>(random.below(3));
  span.scope = static_cast<uint32_t>(random.below(2));
  return span;
}

model::Trace random_trace(Random& random) {
  model::Trace trace;
  for (uint8_t& byte : trace.id.bytes) byte = static_cast<uint8_t>(random.next());
  for (int i = 0; i < 3; ++i) trace.resources.push_back({.attributes = random_attributes(random, 0.2)});
  for (int i = 0; i < 2; ++i) trace.scopes.push_back({.name = "lib", .attributes = random_attributes(random, 0.1)});
  const uint64_t count = 1 + random.below(random.chance(0.1) ? 40 : 6);
  for (uint64_t number = 1; number <= count; ++number) {
    trace.spans.push_back(random_span(random, trace.id, number));
  }
  return trace;
}

// Budgets and needs of the whole trace exclude each other: a plan does not ask for the trace where the verdict stands
// without it, so it spends less than the twin does.
struct Kinds {
  bool budgets = false;
  bool whole_traces = false;
};

const std::vector<std::string> kQueries = {
    "{ status = error }",
    "{ span.code > 2 && name = \"GET\" }",
    "{ .code >= 1 }",
    "{ .flag || !(resource.code = 2) }",
    "{ !.flag && .\"http.route\" != nil }",
    "{ .\"http.route\" =~ \".*ET\" } || { duration > 1s }",
    "{ kind = server } && { event.code = 2 }",
    "{ status = error } >> { name = \"SELECT\" }",
    "{ name = \"GET\" } | count() > 2",
    "{ rootName = \"GET\" }",
    "{ span.code + 1 > 3 }",
    "{ instrumentation:name = \"lib\" && parent = nil && statusMessage = \"GET\" }",
    "{ event:name = \"exception\" && resource.service.name = \"cart\" }",
    "{ .code = nil && span.flag = true }",
    "{ span.code > resource.code }",
    "{ }",
};

Policy random_policy(Random& random, Kinds kinds, int depth);

std::vector<Policy> random_policies(Random& random, Kinds kinds, int depth, size_t count_max) {
  std::vector<Policy> policies;
  const size_t count = random.below(count_max + 1);
  for (size_t i = 0; i < count; ++i) {
    policies.push_back(random_policy(random, kinds, depth));
    policies.back().name += std::to_string(i);
  }
  return policies;
}

Rule random_budget_rule(Random& random, Kinds kinds, int depth) {
  const auto rate = static_cast<int64_t>(1 + random.below(30));
  const auto burst = static_cast<int64_t>(random.chance(0.5) ? 0 : random.below(60));
  if (random.chance(0.4)) return RateLimiting{rate, burst};
  if (random.chance(0.4)) return BytesLimiting{rate * 100, burst * 100};
  Composite composite{.max_total_spans_per_second = rate};
  composite.policies = random_policies(random, kinds, depth + 1, 3);
  for (const Policy& policy : composite.policies) {
    if (random.chance(0.6)) composite.rate_allocation.push_back({policy.name, static_cast<int64_t>(random.below(90))});
  }
  return composite;
}

Rule random_rule(Random& random, Kinds kinds, int depth) {
  if (kinds.budgets && random.chance(0.25) && depth < 3) return random_budget_rule(random, kinds, depth);
  if (kinds.whole_traces && random.chance(0.4)) {
    return random.chance(0.2) ? Rule(Orphan{}) : Rule(TraceQl{one_of(kQueries, random)});
  }
  const std::string& key = one_of(kKeys, random);
  const bool invert = random.chance(0.3);
  switch (random.below(depth < 3 ? 15 : 12)) {
    case 0:
      return random.chance(0.2) ? Rule(AlwaysSample{}) : Rule(ErrorTree{});
    case 1:
      return Latency{std::chrono::milliseconds(random.below(3000)),
                     std::chrono::milliseconds(random.chance(0.5) ? 0 : random.below(4000))};
    case 2:
      return NumericAttribute{key, static_cast<int64_t>(random.below(4)) - 1, static_cast<int64_t>(1 + random.below(4)),
                              invert};
    case 3:
    case 4:
      return StringAttribute{.key = key,
                             .values = {one_of(kTexts, random), one_of(kTexts, random)},
                             .enabled_regex_matching = false,
                             .invert_match = invert};
    case 5:
      return StringAttribute{.key = key,
                             .values = {one_of<std::string>({"GET", "^/c", ".*", "^$", "(?i)get$", "a|b"}, random)},
                             .enabled_regex_matching = true,
                             .invert_match = invert};
    case 6:
      return BooleanAttribute{key, random.chance(0.5), invert};
    case 7:
      return Probabilistic{random.chance(0.5) ? "" : "salt", static_cast<double>(random.below(1200)) / 10};
    case 8:
      return StatusCodes{{static_cast<model::StatusCode>(random.below(3))}};
    case 9:
      return SpanCount{static_cast<int32_t>(random.below(8)), static_cast<int32_t>(random.below(12))};
    case 10:
      return TraceState{one_of<std::string>({"a", "b"}, random), {"1", ""}};
    case 11:
      return TraceFlags{};
    case 12:
      return Not{{random_policy(random, kinds, depth + 1)}};
    default:
      return And{random_policies(random, kinds, depth + 1, 3)};
  }
}

Policy random_policy(Random& random, Kinds kinds, int depth) {
  Policy policy;
  policy.rule = random_rule(random, kinds, depth);
  policy.name = type_name(policy.rule);
  return policy;
}

PolicySet random_set(Random& random, Kinds kinds) {
  PolicySet set;
  set.policies = random_policies(random, kinds, 0, 5);
  if (random.chance(0.3)) {
    set.policies.push_back({"drop", Drop{random_policies(random, kinds, 1, 3)}});
    std::swap(set.policies.front(), set.policies.back());
  }
  if (random.chance(0.3)) set.policies.push_back({"baseline", Baseline{.percent = 20}});
  set.sample_on_first_match = random.chance(0.3);
  if (random.chance(0.1)) set.maximum_trace_size_bytes = 2000;
  return set;
}

// The trace's features, as if it had come in parts, to several nodes, in any order.
TraceFeatures features_in_parts(const Plan& plan, const model::Trace& trace, Random& random) {
  std::vector<model::SpanSet> parts(1 + random.below(4));
  for (model::SpanSet& part : parts) {
    part.resources = trace.resources;
    part.scopes = trace.scopes;
  }
  std::vector<model::Span> spans = trace.spans;
  for (size_t i = spans.size(); i > 1; --i) std::swap(spans[i - 1], spans[random.below(i)]);
  for (const model::Span& span : spans) parts[random.below(parts.size())].spans.push_back(span);
  TraceFeatures all;
  for (const model::SpanSet& part : parts) {
    TraceFeatures features;
    add_spans(plan, part, features);
    if (random.chance(0.5)) std::swap(all, features);
    merge(all, features);
  }
  return all;
}

bool needs_trace(const Rule& rule) {
  const auto any = [](const std::vector<Policy>& policies) {
    return std::ranges::any_of(policies, [](const Policy& policy) { return needs_trace(policy.rule); });
  };
  if (const auto* both = std::get_if<And>(&rule)) return any(both->policies);
  if (const auto* drop = std::get_if<Drop>(&rule)) return any(drop->policies);
  if (const auto* none = std::get_if<Not>(&rule)) return any(none->policy);
  return std::holds_alternative<TraceQl>(rule) || std::holds_alternative<Orphan>(rule);
}

// Of the trace-reading policies and baseline the votes are compared only where they were surely asked.
uint64_t comparable(const PolicySet& set, bool all) {
  uint64_t mask = 0;
  for (size_t i = 0; i < set.policies.size(); ++i) {
    const Rule& rule = set.policies[i].rule;
    if (all || (!needs_trace(rule) && !std::holds_alternative<Baseline>(rule))) mask |= uint64_t{1} << i;
  }
  return mask;
}

struct Tally {
  int kept = 0, dropped = 0, asked_for_trace = 0;
};

void compare(Random& random, Kinds kinds, Tally& tally) {
  const PolicySet set = random_set(random, kinds);
  const auto plan = Plan::compile(set);
  if (!plan && plan.error().message.find("numeric_attribute takes") != std::string::npos) return;
  ASSERT_TRUE(plan) << plan.error().message;
  NaivePolicies naive(set);
  Sampler sampler(*plan, 1);
  Timestamp now{1'700'000'000'000'000'000};
  for (int i = 0; i < 12; ++i) {
    const model::Trace trace = random_trace(random);
    TraceFeatures features = features_in_parts(**plan, trace, random);
    features.bytes = 300 * trace.spans.size();
    now.unix_nanos += random.below(800'000'000);
    const NaiveVerdict expected = naive.decide(trace, features.bytes, now);
    Ballot ballot = sampler.vote(trace.id, features, now);
    if (ballot.need() != TraceNeed::None) {
      ++tally.asked_for_trace;
      const std::vector<CallSpan> calls = calls_of(trace);
      const bool all = ballot.need() == TraceNeed::Spans;
      sampler.finish(ballot, trace.id, features, {.calls = calls, .trace = all ? &trace : nullptr}, now);
    }
    ++(expected.is_kept ? tally.kept : tally.dropped);
    ASSERT_EQ(ballot.verdict() == model::Verdict::Kept, expected.is_kept);
    EXPECT_EQ(ballot.failed(), 0);
    if (set.sample_on_first_match && kinds.whole_traces) continue;
    uint64_t sampled = 0;
    for (const size_t policy : expected.sampled) sampled |= uint64_t{1} << policy;
    if (!expected.is_kept && expected.policy) sampled = uint64_t{1} << *expected.policy;
    const uint64_t mask = comparable(set, !expected.is_kept);
    ASSERT_EQ(ballot.voted() & mask, sampled & mask);
    if ((sampled & ~mask) != 0 || (ballot.voted() & ~mask) != 0) continue;
    ASSERT_EQ(ballot.policy(), expected.policy ? *expected.policy : model::Decision::kNoPolicy);
  }
}

void compare_many(Kinds kinds, uint64_t stream) {
  Tally tally;
  for (uint64_t round = 0; round < 1500; ++round) {
    Random random(seed() * 1'000'003 + stream * 100'003 + round);
    SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed()) + " round " + std::to_string(round));
    compare(random, kinds, tally);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(tally.kept, 1000);
  EXPECT_GT(tally.dropped, 1000);
  if (kinds.whole_traces) {
    EXPECT_GT(tally.asked_for_trace, 300);
  } else {
    EXPECT_EQ(tally.asked_for_trace, 0);
  }
}

TEST(Twin, a_plan_over_features_decides_as_policies_over_whole_traces_do) { compare_many({}, 0); }

TEST(Twin, budgets_are_spent_alike) { compare_many({.budgets = true}, 1); }

TEST(Twin, policies_that_read_the_whole_trace_decide_alike_whether_it_was_asked_for_or_not) {
  compare_many({.whole_traces = true}, 2);
}

TEST(Twin, parts_of_a_trace_merge_in_any_grouping_and_order) {
  Random random(seed());
  PolicySet set;
  set.policies = {{"errors", StatusCodes{{model::StatusCode::Error}}},
                  {"get", StringAttribute{.key = "http.route", .values = {"GET"}}},
                  {"kinds", Adaptive{.percent = 10, .keys = {"code"}}}};
  const auto plan = Plan::compile(set).value();
  for (int round = 0; round < 500; ++round) {
    const model::Trace trace = random_trace(random);
    TraceFeatures whole;
    add_spans(*plan, trace, whole);
    EXPECT_EQ(features_in_parts(*plan, trace, random), whole) << seed();
    std::string bytes;
    encode(whole, bytes);
    std::string_view rest = bytes;
    EXPECT_EQ(decode_features(rest).value(), whole);
    EXPECT_TRUE(rest.empty());
  }
}

}  // namespace
}  // namespace backstitch::sample
