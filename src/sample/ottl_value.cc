#include "sample/ottl_value.h"

#include <cmath>
#include <compare>
#include <limits>

namespace backstitch::sample {

using Kind = OttlValue::Kind;

OttlValue OttlValue::of_bool(bool value) {
  OttlValue result;
  result.kind = Kind::Bool;
  result.boolean = value;
  return result;
}
OttlValue OttlValue::of_int(int64_t value) { return of_nanos(Kind::Int, value); }
OttlValue OttlValue::of_double(double value) {
  OttlValue result;
  result.kind = Kind::Double;
  result.real = value;
  return result;
}
OttlValue OttlValue::of_text(Kind kind, std::string_view text) {
  OttlValue result;
  result.kind = kind;
  result.text = text;
  return result;
}
OttlValue OttlValue::of_nanos(Kind kind, int64_t nanos) {
  OttlValue result;
  result.kind = kind;
  result.integer = nanos;
  return result;
}

OttlValue OttlValue::of_view(const ValueView& view) {
  switch (view.kind) {
    case ValueView::Kind::Absent:
    case ValueView::Kind::Empty:
      return {};
    case ValueView::Kind::String:
      return of_text(Kind::String, view.text);
    case ValueView::Kind::Bool:
      return of_bool(view.boolean);
    case ValueView::Kind::Int:
      return of_int(view.integer);
    case ValueView::Kind::Double:
      return of_double(view.real);
    case ValueView::Kind::Bytes:
      return of_text(Kind::Bytes, view.text);
    case ValueView::Kind::Array:
    case ValueView::Kind::KeyValues: {
      OttlValue result;
      result.kind = view.kind == ValueView::Kind::Array ? Kind::Array : Kind::Map;
      result.whole = view.whole;
      return result;
    }
  }
  return {};
}

namespace {

bool holds(OttlComparison comparison, std::partial_ordering order) {
  switch (comparison) {
    case OttlComparison::Equal:
      return std::is_eq(order);
    case OttlComparison::NotEqual:
      return std::is_neq(order);  // NaN differs from everything
    case OttlComparison::Less:
      return std::is_lt(order);
    case OttlComparison::LessEqual:
      return std::is_lteq(order);
    case OttlComparison::Greater:
      return std::is_gt(order);
    case OttlComparison::GreaterEqual:
      return std::is_gteq(order);
  }
  return false;
}

// What has an equality but no order, ids and kinds that don't fit among them.
bool holds(OttlComparison comparison, bool are_equal) {
  if (comparison == OttlComparison::Equal) return are_equal;
  return comparison == OttlComparison::NotEqual && !are_equal;
}

Kind comparison_kind(const OttlValue& value) {
  return value.kind == Kind::Bytes && value.text.empty() ? Kind::Nil : value.kind;
}

double number_of(const OttlValue& value) {
  return value.kind == Kind::Int ? static_cast<double>(value.integer) : value.real;
}

bool is_number(Kind kind) { return kind == Kind::Int || kind == Kind::Double; }

using model::Value;

// As pdata compares: keys of a map in any order, each once. Values nest no deeper than limits.nesting_max lets in.
// NOLINTNEXTLINE(misc-no-recursion)
bool are_equal(const Value& left, const Value& right) {
  const auto* left_list = left.as<model::Array>();
  const auto* right_list = right.as<model::Array>();
  if (left_list != nullptr && right_list != nullptr) {
    if (left_list->values.size() != right_list->values.size()) return false;
    for (size_t i = 0; i < left_list->values.size(); ++i) {
      if (!are_equal(left_list->values[i], right_list->values[i])) return false;
    }
    return true;
  }
  const auto* left_map = left.as<model::KeyValues>();
  const auto* right_map = right.as<model::KeyValues>();
  if (left_map == nullptr || right_map == nullptr) return left == right;
  if (left_map->entries.size() != right_map->entries.size()) return false;
  for (const model::Attribute& entry : left_map->entries) {
    const Value* other = model::find(right_map->entries, entry.key);
    if (other == nullptr || !are_equal(entry.value, *other)) return false;
  }
  return true;
}

}  // namespace

OttlResult<bool> compare_ottl(const OttlValue& left, const OttlValue& right, OttlComparison comparison) {
  const Kind kind = comparison_kind(left);
  const Kind other = comparison_kind(right);
  if (is_number(kind) && is_number(other)) {
    const bool are_integers = kind == Kind::Int && other == Kind::Int;
    return are_integers ? holds(comparison, std::partial_ordering(left.integer <=> right.integer))
                        : holds(comparison, number_of(left) <=> number_of(right));
  }
  if (kind != other) return holds(comparison, false);
  switch (kind) {
    case Kind::Nil:
      return holds(comparison, std::partial_ordering::equivalent);
    case Kind::Bool:
      return holds(comparison, std::partial_ordering(left.boolean <=> right.boolean));
    case Kind::String:
    case Kind::Bytes:
      return holds(comparison, std::partial_ordering(left.text <=> right.text));
    case Kind::Time:
    case Kind::Duration:
      return holds(comparison, std::partial_ordering(left.integer <=> right.integer));
    case Kind::TraceId:
    case Kind::SpanId:
      return holds(comparison, left.text == right.text);
    case Kind::Array:
    case Kind::Map:
      if (left.whole == nullptr || right.whole == nullptr) return std::unexpected(OttlFailure::NotFetched);
      return holds(comparison, are_equal(*left.whole, *right.whole));
    case Kind::Int:
    case Kind::Double:
      break;
  }
  return false;
}

namespace {

// Go's integers wrap around.
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

OttlResult<OttlValue> calculate_integers(int64_t left, OttlOperator op, int64_t right) {
  const auto a = static_cast<uint64_t>(left);
  const auto b = static_cast<uint64_t>(right);
  switch (op) {
    case OttlOperator::Add:
      return OttlValue::of_int(wrap(a + b));
    case OttlOperator::Subtract:
      return OttlValue::of_int(wrap(a - b));
    case OttlOperator::Multiply:
      return OttlValue::of_int(wrap(a * b));
    case OttlOperator::Divide:
      if (right == 0) return std::unexpected(OttlFailure::DivisionByZero);
      return OttlValue::of_int(right == -1 ? wrap(0 - a) : left / right);
  }
  return std::unexpected(OttlFailure::NotNumeric);
}

OttlResult<OttlValue> calculate_doubles(double left, OttlOperator op, double right) {
  switch (op) {
    case OttlOperator::Add:
      return OttlValue::of_double(left + right);
    case OttlOperator::Subtract:
      return OttlValue::of_double(left - right);
    case OttlOperator::Multiply:
      return OttlValue::of_double(left * right);
    case OttlOperator::Divide:
      if (right == 0) return std::unexpected(OttlFailure::DivisionByZero);
      return OttlValue::of_double(left / right);
  }
  return std::unexpected(OttlFailure::NotNumeric);
}

// `left + right` or `left - right`, held inside what 64 bits can say.
int64_t moved(int64_t left, OttlOperator op, int64_t right) {
  int64_t result = 0;
  const bool overflows = op == OttlOperator::Add ? __builtin_add_overflow(left, right, &result)
                                                 : __builtin_sub_overflow(left, right, &result);
  if (!overflows) return result;
  return left < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// Times and durations: time - time, time ± duration, duration ± duration, duration + time.
OttlResult<OttlValue> calculate_times(const OttlValue& left, OttlOperator op, const OttlValue& right) {
  const bool is_sum = op == OttlOperator::Add;
  if (!is_sum && op != OttlOperator::Subtract) return std::unexpected(OttlFailure::NotNumeric);
  if (left.kind == Kind::Time && right.kind == Kind::Time && !is_sum) {
    return OttlValue::of_nanos(Kind::Duration, moved(left.integer, op, right.integer));
  }
  if (left.kind == Kind::Time && right.kind == Kind::Duration) {
    return OttlValue::of_nanos(Kind::Time, moved(left.integer, op, right.integer));
  }
  if (left.kind == Kind::Duration && right.kind == Kind::Time && is_sum) {
    return OttlValue::of_nanos(Kind::Time, moved(left.integer, op, right.integer));
  }
  if (left.kind == Kind::Duration && right.kind == Kind::Duration) {
    const auto a = static_cast<uint64_t>(left.integer);
    const auto b = static_cast<uint64_t>(right.integer);
    return OttlValue::of_nanos(Kind::Duration, wrap(is_sum ? a + b : a - b));
  }
  return std::unexpected(OttlFailure::NotNumeric);
}

}  // namespace

OttlResult<OttlValue> calculate_ottl(const OttlValue& left, OttlOperator op, const OttlValue& right) {
  if (left.kind == Kind::Int && right.kind == Kind::Int) return calculate_integers(left.integer, op, right.integer);
  if (is_number(left.kind) && is_number(right.kind)) return calculate_doubles(number_of(left), op, number_of(right));
  return calculate_times(left, op, right);
}

OttlResult<OttlValue> negate_ottl(const OttlValue& value) {
  if (value.kind == Kind::Int) return OttlValue::of_int(wrap(0 - static_cast<uint64_t>(value.integer)));
  if (value.kind == Kind::Double) return OttlValue::of_double(-value.real);
  return std::unexpected(OttlFailure::NotNumeric);
}

}  // namespace backstitch::sample
