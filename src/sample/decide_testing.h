// Short ways to write spans, traces and questions in the tests of policies. For tests only.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "sample/sampler.h"
#include "sample/span_set_input.h"

namespace backstitch::sample {

constexpr base::Timestamp kNow{1'700'000'000'000'000'000};

struct SpanSpec {
  uint8_t id = 1;
  uint8_t parent = 0;
  int64_t start_ms = 0;  // after kNow
  int64_t duration_us = 1000;
  std::string name = "GET /";
  model::StatusCode status = model::StatusCode::Unset;
  std::string trace_state;
  uint32_t flags = 0;
  model::Attributes attributes;
  model::Attributes resource;
  std::vector<model::Event> events;
};

inline model::SpanId id_of(uint8_t number) {
  model::SpanId id;
  id.bytes[7] = number;
  return id;
}

inline model::Trace trace_of(std::vector<SpanSpec> specs, uint8_t number = 1) {
  model::Trace trace;
  trace.id.bytes[15] = number;
  trace.scopes.emplace_back();
  for (SpanSpec& spec : specs) {
    model::Span& span = trace.spans.emplace_back();
    span.trace_id = trace.id;
    span.span_id = id_of(spec.id);
    if (spec.parent != 0) span.parent_span_id = id_of(spec.parent);
    span.name = std::move(spec.name);
    span.start = base::offset(kNow, std::chrono::milliseconds(spec.start_ms));
    span.end = base::offset(span.start, std::chrono::microseconds(spec.duration_us));
    span.status.code = spec.status;
    span.trace_state = std::move(spec.trace_state);
    span.flags = spec.flags;
    span.attributes = std::move(spec.attributes);
    span.events = std::move(spec.events);
    span.resource = static_cast<uint32_t>(trace.resources.size());
    trace.resources.push_back({.attributes = std::move(spec.resource)});
  }
  return trace;
}

inline std::shared_ptr<const Plan> plan_of(std::vector<Policy> policies, PlanOptions options = {}) {
  auto plan = Plan::compile({.policies = std::move(policies)}, options);
  EXPECT_TRUE(plan) << plan.error().message;
  return *plan;
}

// Gives the sampler what it asks for.
inline Ballot ballot_on(Sampler& sampler, const model::Trace& trace, base::Timestamp now = kNow, uint64_t bytes = 0) {
  TraceFeatures features;
  add_spans(sampler.plan(), trace, features);
  features.bytes = bytes;
  Ballot ballot = sampler.vote(trace.id, features, now);
  const std::vector<CallSpan> calls = calls_of(trace);
  sampler.finish(ballot, trace.id, features, {.calls = calls, .trace = &trace}, now);
  return ballot;
}

inline bool keeps(Sampler& sampler, const model::Trace& trace, base::Timestamp now = kNow, uint64_t bytes = 0) {
  return ballot_on(sampler, trace, now, bytes).verdict() == model::Verdict::Kept;
}

inline bool keeps(Rule rule, const std::vector<SpanSpec>& spans) {
  Sampler sampler(plan_of({{"policy", std::move(rule)}}), 1);
  return keeps(sampler, trace_of(spans));
}

// What compile() says about a policy that it refuses.
inline std::string refusal(Rule rule, PlanOptions options = {}) {
  const auto plan = Plan::compile({.policies = {{"policy", std::move(rule), 7}}}, options);
  return plan ? "" : plan.error().message;
}

}  // namespace backstitch::sample
