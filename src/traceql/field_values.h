// What a field of a query is on one span of a trace.
#pragma once

#include <absl/functional/function_ref.h>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/trace.h"
#include "traceql/compare.h"
#include "traceql/query.h"
#include "traceql/span_tree.h"

namespace backstitch::traceql {

// What the fields of a trace's spans need to know about the whole. `trace` is borrowed for its life.
class TraceContext {
 public:
  // The tree costs O(spans log spans): only where needs_structure(query).
  TraceContext(const model::Trace& trace, bool with_tree);

  const model::Trace& trace() const { return trace_; }
  const SpanTree* tree() const { return tree_ ? &*tree_ : nullptr; }
  const std::string& service(const model::Span& span) const { return services_[span.resource]; }
  const model::Span* root() const { return root_; }  // nullptr where no span is a root
  model::Duration duration() const { return duration_; }

 private:
  const model::Trace& trace_;
  std::optional<SpanTree> tree_;
  std::vector<std::string> services_;
  const model::Span* root_ = nullptr;
  model::Duration duration_{};
};

// One value of a field, without copying what the trace holds. Valid while the trace is.
class FieldView {
 public:
  static FieldView of_attribute(const model::Value& value);
  static FieldView of_text(std::string_view text);
  static FieldView of_new_text(std::string text);
  static FieldView of_number(ValueType type, int64_t number);

  bool holds(const LiteralComparison& comparison) const;
  TypedValue copy() const;

 private:
  ValueType type_ = ValueType::Nil;
  const model::Value* attribute_ = nullptr;
  std::string_view text_;
  std::string owned_;  // of ids, which are text only here
  int64_t number_ = 0;
};

// Calls `take` with each value of the field on that span until it returns true; says whether it did. Most fields have
// one value or none; those of events and links have any number.
using TakeField = absl::FunctionRef<bool(const FieldView&)>;
bool any_value(const FieldRef& field, const TraceContext& context, uint32_t span, TakeField take);

// The first value; Nil where absent.
TypedValue first_value(const FieldRef& field, const TraceContext& context, uint32_t span);

}  // namespace backstitch::traceql
