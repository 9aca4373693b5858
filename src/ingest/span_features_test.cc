#include "ingest/span_features.h"

#include <charconv>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string_view>

#include "base/random.h"
#include "sample/span_set_input.h"
#include "sample/trace_bytes.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/random_spans.h"
#include "wire/otlp/walk.h"

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;

uint64_t seed() {
  uint64_t seed = 1;
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

std::shared_ptr<const sample::Plan> plan_of(std::vector<sample::Policy> policies) {
  auto plan = sample::Plan::compile({.policies = std::move(policies)});
  EXPECT_TRUE(plan) << plan.error().message;
  return *plan;
}

// Something of every field that a plan can ask for.
std::shared_ptr<const sample::Plan> plan_of_everything() {
  return plan_of({{"errors", sample::StatusCodes{{model::StatusCode::Error}}},
                  {"text", sample::StringAttribute{.key = "k", .values = {"v", "GET"}}},
                  {"any text", sample::StringAttribute{.key = "k", .values = {"."}, .enabled_regex_matching = true}},
                  {"number", sample::NumericAttribute{.key = "n", .min_value = 1}},
                  {"flag", sample::BooleanAttribute{.key = "f", .value = true}},
                  {"state", sample::TraceState{.key = "a", .values = {"1"}}},
                  {"sampled", sample::TraceFlags{}},
                  {"tree", sample::ErrorTree{}},
                  {"adaptive", sample::Adaptive{.percent = 10, .keys = {"k"}}},
                  {"any", sample::TraceQl{"{ .k = \"v\" || .n > 1 }"}},
                  {"scope", sample::TraceQl{"{ instrumentation:name = \"lib\" && instrumentation.k != nil }"}},
                  {"event", sample::TraceQl{"{ event.k = \"v\" && event:name = \"exception\" }"}},
                  {"message", sample::TraceQl{"{ statusMessage = \"GET\" && kind = server }"}}});
}

model::Value random_value(base::Random& random) {
  switch (random.below(6)) {
    case 0:
      return model::Value(static_cast<int64_t>(random.below(5)) - 2);
    case 1:
      return model::Value(random.chance(0.5));
    case 2:
      return random.chance(0.5) ? model::Value() : model::Value(1.5);
    default:
      return model::Value(random.chance(0.5) ? "v" : "GET");
  }
}

model::Attributes random_attributes(base::Random& random) {
  model::Attributes attributes;
  for (uint64_t count = random.below(4); count > 0; --count) {
    attributes.push_back({random.chance(0.4) ? "k" : random.chance(0.5) ? "n" : "f", random_value(random)});
  }
  return attributes;
}

// Random spans of all kinds, of few traces, with attributes that policies ask for.
model::SpanSet random_set(base::Random& random, uint64_t round) {
  model::SpanSet set = wire::otlp::RandomSpans(seed() * 1000 + round).make(1 + random.below(30));
  for (model::Resource& resource : set.resources) resource.attributes = random_attributes(random);
  for (model::Scope& scope : set.scopes) {
    scope.attributes = random_attributes(random);
    if (random.chance(0.5)) scope.name = "lib";
  }
  for (model::Span& span : set.spans) {
    span.trace_id = {};
    span.trace_id.bytes[15] = static_cast<uint8_t>(1 + random.below(4));
    span.attributes = random_attributes(random);
    span.trace_state = random.chance(0.5) ? "a=1" : "a=2";
    span.flags = static_cast<uint32_t>(random.below(4));
    span.status.message = random.chance(0.5) ? "GET" : "";
    for (model::Event& event : span.events) {
      event.attributes = random_attributes(random);
      event.name = random.chance(0.1) ? "backstitch.error_tree" : "exception";
    }
  }
  return set;
}

TEST(SpanFeatures, of_walked_bytes_equal_those_of_decoded_spans) {
  const auto plan = plan_of_everything();
  wire::otlp::Walker walker(feature_plan_of(*plan, {}), {});
  SpanFeatures features(plan);
  base::Random random(seed());
  model::RequestDigest digest;
  uint64_t compared = 0;
  for (uint64_t round = 0; round < 300; ++round) {
    const model::SpanSet set = random_set(random, round);
    std::string request = wire::otlp::encode_request(set);
    features.begin_request();
    ASSERT_TRUE(walker.walk(request, digest, [&](const model::SpanView& span) { features.add(span); }));
    for (uint32_t i = 0; i < digest.traces.size(); ++i) {
      model::SpanSet trace{.resources = set.resources, .scopes = set.scopes, .spans = set.spans};
      std::erase_if(trace.spans, [&](const model::Span& span) { return span.trace_id != digest.traces[i].id; });
      sample::TraceFeatures expected;
      sample::add_spans(*plan, trace, expected);
      expected.bytes = digest.traces[i].span_bytes;
      ASSERT_EQ(features.of_trace(i), expected) << "BACKSTITCH_TEST_SEED=" << seed() << " round " << round;
      ++compared;
    }
  }
  EXPECT_GT(compared, 500);
}

TEST(SpanFeatures, bytes_count_resources_and_scopes_where_a_policy_asks_for_them) {
  const auto plan = plan_of({{"bytes", sample::BytesLimiting{.bytes_per_second = 1}}});
  wire::otlp::Walker walker(feature_plan_of(*plan, {}), {});
  SpanFeatures features(plan);
  std::string request = wire::otlp::encode_request(wire::otlp::RandomSpans(1).make(1));
  model::RequestDigest digest;
  features.begin_request();
  ASSERT_TRUE(walker.walk(request, digest, [&](const model::SpanView& span) { features.add(span); }));
  EXPECT_EQ(features.of_trace(0).bytes, digest.traces[0].span_bytes);
  features.count_bytes(digest);
  EXPECT_EQ(features.of_trace(0).bytes, sample::bytes_of(digest, digest.traces[0]));
}

TEST(SpanFeatures, the_walk_hands_out_nothing_that_no_policy_asks_for) {
  const auto plan = plan_of({{"errors", sample::StatusCodes{{model::StatusCode::Error}}},
                             {"slow", sample::Latency{.threshold = 2s}},
                             {"some", sample::Probabilistic{.sampling_percentage = 1}}});
  const model::FeaturePlan asked = feature_plan_of(*plan, {});
  EXPECT_TRUE(asked.attributes.empty());
  EXPECT_FALSE(asked.events);
}

TEST(SpanFeatures, policies_see_redacted_values_as_they_are_written) {
  const auto plan = plan_of({{"key", sample::StringAttribute{.key = "api_key", .values = {"******"}}}});
  wire::otlp::Walker walker(feature_plan_of(*plan, model::default_redact_patterns()), {});
  SpanFeatures features(plan);
  model::SpanSet set = wire::otlp::RandomSpans(1).make(1);
  set.spans[0].attributes = {{"api_key", "secret"}};
  std::string request = wire::otlp::encode_request(set);
  model::RequestDigest digest;
  features.begin_request();
  ASSERT_TRUE(walker.walk(request, digest, [&](const model::SpanView& span) { features.add(span); }));
  EXPECT_TRUE(features.of_trace(0).atoms.test(0));
}

}  // namespace
}  // namespace backstitch::ingest
