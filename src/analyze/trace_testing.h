// Traces written down by hand, for tests: one line a span.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "model/trace.h"

namespace backstitch::analyze {

struct SpanPlan {
  uint8_t id = 1;
  uint8_t parent = 0;  // 0: none
  std::string service = "a";
  std::string name = "work";
  model::SpanKind kind = model::SpanKind::Server;
  uint64_t start = 1000;  // nanoseconds
  uint64_t end = 2000;
  model::StatusCode status = model::StatusCode::Unset;
  std::string message;
  model::Attributes attributes;
};

inline model::SpanId id_of(uint64_t number) {
  model::SpanId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<uint8_t>(number >> (56 - 8 * i));
  return id;
}

class TraceBuilder {
 public:
  TraceBuilder() { trace_.id.bytes[15] = 1; }
  model::Span& add(const SpanPlan& plan) { return add(id_of(plan.id), id_of(plan.parent), plan); }
  model::Span& add(model::SpanId id, model::SpanId parent, const SpanPlan& plan) {
    model::Span& span = trace_.spans.emplace_back();
    span.trace_id = trace_.id;
    span.span_id = id;
    span.parent_span_id = parent;
    span.name = plan.name;
    span.kind = plan.kind;
    span.start = {plan.start};
    span.end = {plan.end};
    span.status = {plan.status, plan.message};
    span.attributes = plan.attributes;
    span.resource = resource(plan.service);
    return span;
  }
  model::Trace& trace() { return trace_; }

 private:
  uint32_t resource(const std::string& service) {
    const auto [at, is_new] = resources_.try_emplace(service, static_cast<uint32_t>(trace_.resources.size()));
    if (is_new) trace_.resources.push_back({.attributes = {{"service.name", service}}});
    return at->second;
  }

  model::Trace trace_;
  std::map<std::string, uint32_t> resources_;
};

}  // namespace backstitch::analyze
