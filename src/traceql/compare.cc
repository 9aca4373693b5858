#include "traceql/compare.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <fmt/format.h>
#include <optional>
#include <re2/re2.h>

namespace backstitch::traceql {
namespace {

using model::Value;

// 64 bits of mantissa or more: every int64 and every double is exact.
using Number = long double;

std::optional<Number> number_of(const Value& value) {
  if (const auto* number = value.as<int64_t>()) return static_cast<Number>(*number);
  if (const auto* number = value.as<double>()) return static_cast<Number>(*number);
  return std::nullopt;
}

std::optional<Number> number_in(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<Number>(number);
}

bool is_ordered_as(Operator op, std::partial_ordering order) {
  switch (op) {
    case Operator::Equal:
      return std::is_eq(order);
    case Operator::NotEqual:
      return std::is_neq(order);  // NaN differs from everything
    case Operator::Less:
      return std::is_lt(order);
    case Operator::LessEqual:
      return std::is_lteq(order);
    case Operator::Greater:
      return std::is_gt(order);
    case Operator::GreaterEqual:
      return std::is_gteq(order);
    default:
      return false;
  }
}

// Of booleans, statuses and kinds, which have no order.
template <typename T>
bool is_same(Operator op, T left, T right) {
  if (op == Operator::Equal) return left == right;
  return op == Operator::NotEqual && left != right;
}

bool needs_every_element(Operator op) { return op == Operator::NotEqual || op == Operator::NotMatch; }

bool compare_single(Operator op, ValueType left_type, const Value& left, ValueType right_type, const Value& right) {
  if (is_numeric(left_type) && is_numeric(right_type)) {
    return is_ordered_as(op, *number_of(left) <=> *number_of(right));
  }
  if (left_type != right_type) return false;
  switch (left_type) {
    case ValueType::String:
      return is_ordered_as(op, *left.as<std::string>() <=> *right.as<std::string>());
    case ValueType::Bool:
      return is_same(op, *left.as<bool>(), *right.as<bool>());
    case ValueType::Status:
    case ValueType::Kind:
      return is_same(op, *left.as<int64_t>(), *right.as<int64_t>());
    default:
      return false;
  }
}

bool compare_element(Operator op, const Value& element, const TypedValue& right) {
  if (element.as<model::Array>() != nullptr) return false;  // arrays in arrays compare with nothing
  return compare_single(op, TypedValue::of(element).type, element, right.type, right.value);
}

bool compare_array(Operator op, const model::Array& array, const TypedValue& right) {
  const auto holds = [&](const Value& element) { return compare_element(op, element, right); };
  return needs_every_element(op) ? std::ranges::all_of(array.values, holds) : std::ranges::any_of(array.values, holds);
}

bool is_single(ValueType type) {
  return type != ValueType::Nil && type != ValueType::Array && type != ValueType::Opaque;
}

// How text comparisons order; unordered where one has no order beside the other.
std::partial_ordering text_order(const Value& actual, const Value& wanted) {
  auto left = number_of(actual);
  auto right = number_of(wanted);
  const auto* left_text = actual.as<std::string>();
  const auto* right_text = wanted.as<std::string>();
  if (left_text != nullptr && right_text != nullptr) return *left_text <=> *right_text;
  if (left && right_text != nullptr) right = number_in(*right_text);
  if (right && left_text != nullptr) left = number_in(*left_text);
  if (!left || !right) return std::partial_ordering::unordered;
  return *left <=> *right;
}

bool is_text_equal(const Value& actual, const Value& wanted) {
  const auto left = number_of(actual);
  const auto right = number_of(wanted);
  if (left && right) return *left == *right;
  if (const auto* text = wanted.as<std::string>()) return model::to_text(actual) == *text;
  return actual == wanted;
}

}  // namespace

bool compare(Operator op, const TypedValue& left, const TypedValue& right) {
  const auto* left_array = left.value.as<model::Array>();
  const auto* right_array = right.value.as<model::Array>();
  if (left_array != nullptr) return is_single(right.type) && compare_array(op, *left_array, right);
  if (right_array != nullptr) return is_single(left.type) && compare_array(flipped(op), *right_array, left);
  return compare_single(op, left.type, left.value, right.type, right.value);
}

struct Pattern::Compiled {
  Compiled(std::string_view text, const RE2::Options& options)
      : expression(re2::StringPiece(text.data(), text.size()), options) {}
  RE2 expression;
};

base::Result<Pattern> Pattern::compile(std::string_view text) {
  if (text.size() > kPatternBytesMax) {
    return base::fail(base::Errc::InvalidArgument,
                      fmt::format("a pattern of {} bytes, at most {} are taken", text.size(), kPatternBytesMax));
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<int64_t>(kPatternMemoryMax));
  options.set_dot_nl(true);
  auto compiled = std::make_shared<const Compiled>(text, options);
  if (!compiled->expression.ok()) {
    return base::fail(base::Errc::InvalidArgument, fmt::format("no pattern: {}", compiled->expression.error()));
  }
  Pattern pattern;
  pattern.compiled_ = std::move(compiled);
  return pattern;
}

bool Pattern::matches(std::string_view text) const {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), compiled_->expression);
}

LiteralComparison::LiteralComparison(Operator op, TypedValue literal, bool as_text)
    : op_(op), literal_(std::move(literal)), as_text_(as_text) {
  const auto* text = literal_.value.as<std::string>();
  if ((op != Operator::Match && op != Operator::NotMatch) || text == nullptr) return;
  if (auto pattern = Pattern::compile(*text)) pattern_ = std::make_shared<const Pattern>(std::move(*pattern));
}

LiteralComparison LiteralComparison::of(const Query& query, const ExpressionNode& node) {
  if (node.kind == ExpressionKind::Unary) return {node.op, {}};
  return {node.op, query.expressions[node.right].literal, node.as_text};
}

bool LiteralComparison::holds(const model::Value& value) const {
  if (as_text_ && is_comparison(op_)) return holds_as_text(value);
  if (value.is_empty()) return holds_absent();
  if (op_ == Operator::Exists) return true;
  if (op_ == Operator::Absent) return false;
  const auto* array = value.as<model::Array>();
  if (array == nullptr) return holds_element(value);
  const auto holds_one = [this](const Value& element) { return holds_element(element); };
  return needs_every_element(op_) ? std::ranges::all_of(array->values, holds_one)
                                  : std::ranges::any_of(array->values, holds_one);
}

bool LiteralComparison::holds_element(const model::Value& value) const {
  if (const auto* text = value.as<std::string>()) return holds_string(*text);
  if (const auto* number = value.as<int64_t>()) return holds_int(*number);
  if (const auto* number = value.as<double>()) return holds_double(*number);
  if (const auto* flag = value.as<bool>()) return holds_bool(*flag);
  return false;
}

bool LiteralComparison::holds_as_text(const model::Value& value) const {
  switch (op_) {
    case Operator::Equal:
      return is_text_equal(value, literal_.value);
    case Operator::NotEqual:
      return !is_text_equal(value, literal_.value);
    case Operator::Match:
    case Operator::NotMatch:
      return pattern_ != nullptr && pattern_->matches(model::to_text(value)) == (op_ == Operator::Match);
    default:
      return is_ordered_as(op_, text_order(value, literal_.value));
  }
}

bool LiteralComparison::holds(const TypedValue& value) const {
  switch (value.type) {
    case ValueType::Duration:
      return holds_duration(*value.value.as<int64_t>());
    case ValueType::Status:
      return holds_status(static_cast<model::StatusCode>(*value.value.as<int64_t>()));
    case ValueType::Kind:
      return holds_kind(static_cast<model::SpanKind>(*value.value.as<int64_t>()));
    default:
      return holds(value.value);
  }
}

bool LiteralComparison::holds_string(std::string_view text) const {
  if (op_ == Operator::Exists) return true;
  if (op_ == Operator::Match || op_ == Operator::NotMatch) {
    return pattern_ != nullptr && pattern_->matches(text) == (op_ == Operator::Match);
  }
  const auto* wanted = literal_.value.as<std::string>();
  if (wanted != nullptr) return is_ordered_as(op_, text <=> std::string_view(*wanted));
  return as_text_ && holds_as_text(text);
}

bool LiteralComparison::holds_bool(bool value) const {
  if (op_ == Operator::Exists) return true;
  if (as_text_) return holds_as_text(value);
  const auto* wanted = literal_.value.as<bool>();
  return wanted != nullptr && is_same(op_, value, *wanted);
}

bool LiteralComparison::holds_number(long double number) const {
  return is_numeric(literal_.type) && is_ordered_as(op_, number <=> *number_of(literal_.value));
}

bool LiteralComparison::holds_int(int64_t value) const {
  if (op_ == Operator::Exists) return true;
  return as_text_ ? holds_as_text(value) : holds_number(static_cast<Number>(value));
}

bool LiteralComparison::holds_double(double value) const {
  if (op_ == Operator::Exists) return true;
  return as_text_ ? holds_as_text(value) : holds_number(static_cast<Number>(value));
}

bool LiteralComparison::holds_duration(int64_t nanos) const { return holds_int(nanos); }

bool LiteralComparison::holds_status(model::StatusCode code) const {
  if (op_ == Operator::Exists) return true;
  if (as_text_) return holds_as_text(model::to_string(code));
  return literal_.type == ValueType::Status && is_same(op_, static_cast<int64_t>(code), *literal_.value.as<int64_t>());
}

bool LiteralComparison::holds_kind(model::SpanKind kind) const {
  if (op_ == Operator::Exists) return true;
  if (as_text_) return holds_as_text(model::to_string(kind));
  return literal_.type == ValueType::Kind &&
         is_same(op_, *TypedValue::kind(kind).value.as<int64_t>(), *literal_.value.as<int64_t>());
}

}  // namespace backstitch::traceql
