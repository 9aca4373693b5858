// A trace's bytes seen in one pass, borrowed, without building values of them: for whoever needs an outline of a
// trace (a summary row, the names in it) rather than the trace.
//
// The same as decode_trace would give, as far as it goes; decode.h is its naive twin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "model/feature_plan.h"
#include "model/trace.h"
#include "model/value.h"

namespace backstitch::wire::otlp {

// Valid while the bytes are.
struct SpanOutline {
  model::TraceId trace_id;
  model::SpanId span_id;
  model::SpanId parent_span_id;
  std::string_view name;
  model::SpanKind kind = model::SpanKind::Unspecified;
  model::Timestamp start;
  model::Timestamp end;
  model::StatusCode status = model::StatusCode::Unset;
};

class TraceVisitor {
 public:
  virtual ~TraceVisitor() = default;
  // Before the attributes, scopes and spans of each ResourceSpans.
  virtual void on_resource() = 0;
  // `any_value` is the raw AnyValue message, empty where there is none. A resource's and a scope's come before their
  // spans', a span's (its events', its links') before its on_span.
  virtual void on_attribute(model::AttributeLevel level, std::string_view key, std::string_view any_value) = 0;
  virtual void on_span(const SpanOutline& span) = 0;
};

// Malformed where `bytes` are no TracesData; the visitor has then seen a part. What is inside attribute values is
// not checked.
base::Result<> visit(std::string_view bytes, TraceVisitor& visitor);

// An AnyValue that is a string, bool or number, or empty: std::string_view where it is a string, so that it isn't
// copied. Nothing for bytes, arrays, key-value lists and broken messages.
using ScalarView = std::variant<std::monostate, std::string_view, bool, int64_t, double>;
std::optional<ScalarView> scalar_of(std::string_view any_value);

// Any AnyValue as model::to_text shows it; empty where it cannot be decoded. Slow: it decodes what is no scalar.
std::string text_of(std::string_view any_value);

}  // namespace backstitch::wire::otlp
