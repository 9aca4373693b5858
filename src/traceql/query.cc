#include "traceql/query.h"

#include <iterator>

namespace backstitch::traceql {

TypedValue TypedValue::kind(model::SpanKind kind) {
  const bool is_known = static_cast<uint8_t>(kind) <= static_cast<uint8_t>(model::SpanKind::Consumer);
  return {ValueType::Kind, is_known ? static_cast<int64_t>(kind) : int64_t{0}};
}

TypedValue TypedValue::of(const model::Value& value) {
  constexpr ValueType types[] = {ValueType::Nil,   ValueType::String, ValueType::Bool,  ValueType::Int,
                                 ValueType::Float, ValueType::Opaque, ValueType::Array, ValueType::Opaque};
  static_assert(std::size(types) == std::variant_size_v<model::Value::Variant>);
  return {types[value.variant().index()], value};
}

bool is_numeric(ValueType type) {
  return type == ValueType::Int || type == ValueType::Float || type == ValueType::Duration;
}

std::string_view to_string(ValueType type) {
  switch (type) {
    case ValueType::Nil:
      return "nil";
    case ValueType::Bool:
      return "a boolean";
    case ValueType::Int:
    case ValueType::Float:
      return "a number";
    case ValueType::String:
      return "a string";
    case ValueType::Duration:
      return "a duration";
    case ValueType::Status:
      return "a status";
    case ValueType::Kind:
      return "a kind";
    case ValueType::Array:
      return "an array";
    case ValueType::Opaque:
      return "bytes or a map";
  }
  return "";
}

std::optional<ValueType> type_of(const FieldRef& field) {
  switch (field.intrinsic) {
    case Intrinsic::None:
      return std::nullopt;
    case Intrinsic::Status:
      return ValueType::Status;
    case Intrinsic::Kind:
      return ValueType::Kind;
    case Intrinsic::Duration:
    case Intrinsic::TraceDuration:
    case Intrinsic::EventTimeSinceStart:
      return ValueType::Duration;
    case Intrinsic::ChildCount:
    case Intrinsic::NestedSetLeft:
    case Intrinsic::NestedSetRight:
    case Intrinsic::NestedSetParent:
      return ValueType::Int;
    default:
      return ValueType::String;
  }
}

bool is_trace_level(const FieldRef& field) {
  return field.intrinsic == Intrinsic::TraceId || field.intrinsic == Intrinsic::TraceDuration ||
         field.intrinsic == Intrinsic::RootName || field.intrinsic == Intrinsic::RootService;
}

bool is_of_events_or_links(const FieldRef& field) {
  switch (field.intrinsic) {
    case Intrinsic::None:
      return field.scope != Scope::Span && field.scope != Scope::Resource && field.scope != Scope::Instrumentation;
    case Intrinsic::EventName:
    case Intrinsic::EventTimeSinceStart:
    case Intrinsic::LinkSpanId:
    case Intrinsic::LinkTraceId:
      return true;
    default:
      return false;
  }
}

bool needs_structure(const FieldRef& field) {
  return field.of_parent || field.intrinsic == Intrinsic::ChildCount || field.intrinsic == Intrinsic::NestedSetLeft ||
         field.intrinsic == Intrinsic::NestedSetRight || field.intrinsic == Intrinsic::NestedSetParent;
}

std::string_view to_string(Operator op) {
  constexpr std::string_view names[] = {"&&", "||",     "!",     "=", "!=", "<", "<=", ">", ">=", "=~",
                                        "!~", "!= nil", "= nil", "+", "-",  "*", "/",  "%", "^",  "-"};
  return names[static_cast<size_t>(op)];
}

bool is_comparison(Operator op) { return op >= Operator::Equal && op <= Operator::NotMatch; }
bool is_arithmetic(Operator op) { return op >= Operator::Add && op <= Operator::Power; }

Operator flipped(Operator op) {
  switch (op) {
    case Operator::Less:
      return Operator::Greater;
    case Operator::LessEqual:
      return Operator::GreaterEqual;
    case Operator::Greater:
      return Operator::Less;
    case Operator::GreaterEqual:
      return Operator::LessEqual;
    default:
      return op;
  }
}

std::string_view to_string(SpansetOperator op, SpansetMode mode) {
  constexpr std::string_view names[][3] = {{"&&", "", ""},    {"||", "", ""},       {">>", "!>>", "&>>"},
                                           {">", "!>", "&>"}, {"<<", "!<<", "&<<"}, {"<", "!<", "&<"},
                                           {"~", "!~", "&~"}};
  return names[static_cast<size_t>(op)][static_cast<size_t>(mode)];
}

std::string_view to_string(Aggregate aggregate) {
  constexpr std::string_view names[] = {"count", "avg", "min", "max", "sum"};
  return names[static_cast<size_t>(aggregate)];
}

std::string_view to_string(MetricsFunction function) {
  constexpr std::string_view names[] = {
      "rate",          "count_over_time", "min_over_time",      "max_over_time",
      "avg_over_time", "sum_over_time",   "quantile_over_time", "histogram_over_time"};
  return names[static_cast<size_t>(function)];
}

}  // namespace backstitch::traceql
