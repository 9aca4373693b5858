#include "traceql/arithmetic.h"

#include <cmath>
#include <limits>

namespace backstitch::traceql {
namespace {

int64_t wrap(uint64_t bits) { return static_cast<int64_t>(bits); }

// An exact power, or a Float where that is no int64.
TypedValue power(int64_t base, int64_t exponent) {
  const double real = std::pow(static_cast<double>(base), static_cast<double>(exponent));
  if (exponent < 0) return TypedValue::real(real);
  int64_t result = 1;
  int64_t square = base;
  for (int64_t rest = exponent; rest != 0; rest >>= 1) {
    if ((rest & 1) != 0 && __builtin_mul_overflow(result, square, &result)) return TypedValue::real(real);
    if (rest > 1 && __builtin_mul_overflow(square, square, &square)) return TypedValue::real(real);
  }
  return TypedValue::integer(result);
}

TypedValue calculate_integers(Operator op, int64_t left, int64_t right) {
  const auto a = static_cast<uint64_t>(left);
  const auto b = static_cast<uint64_t>(right);
  switch (op) {
    case Operator::Add:
      return TypedValue::integer(wrap(a + b));
    case Operator::Subtract:
      return TypedValue::integer(wrap(a - b));
    case Operator::Multiply:
      return TypedValue::integer(wrap(a * b));
    case Operator::Divide:
      if (right == 0) return {};
      return TypedValue::integer(right == -1 ? wrap(0 - a) : left / right);
    case Operator::Modulo:
      if (right == 0) return {};
      return TypedValue::integer(right == -1 ? 0 : left % right);
    case Operator::Power:
      return power(left, right);
    default:
      return {};
  }
}

double calculate_reals(Operator op, double left, double right) {
  switch (op) {
    case Operator::Add:
      return left + right;
    case Operator::Subtract:
      return left - right;
    case Operator::Multiply:
      return left * right;
    case Operator::Divide:
      return left / right;
    case Operator::Modulo:
      return std::fmod(left, right);
    default:
      return std::pow(left, right);
  }
}

bool is_duration(Operator op, ValueType left, ValueType right) {
  const bool has_left = left == ValueType::Duration;
  const bool has_right = right == ValueType::Duration;
  if (op == Operator::Add || op == Operator::Subtract) return has_left && has_right;
  if (op == Operator::Multiply) return has_left != has_right;
  return op == Operator::Divide && has_left && !has_right;
}

// Nanoseconds where they fit.
TypedValue duration_or_real(double nanos) {
  constexpr double limit = 9.2e18;  // below 2^63
  if (!(std::abs(nanos) < limit)) return TypedValue::real(nanos);
  return TypedValue::duration(model::Duration(static_cast<int64_t>(nanos)));
}

}  // namespace

std::optional<double> to_double(const TypedValue& value) {
  if (const auto* number = value.value.as<double>()) return *number;
  if (!is_numeric(value.type)) return std::nullopt;
  return static_cast<double>(*value.value.as<int64_t>());
}

TypedValue calculate(Operator op, const TypedValue& left, const TypedValue& right) {
  const auto a = to_double(left);
  const auto b = to_double(right);
  if (!a || !b) return {};
  if (left.type == ValueType::Int && right.type == ValueType::Int) {
    return calculate_integers(op, *left.value.as<int64_t>(), *right.value.as<int64_t>());
  }
  const double result = calculate_reals(op, *a, *b);
  return is_duration(op, left.type, right.type) ? duration_or_real(result) : TypedValue::real(result);
}

TypedValue negate(const TypedValue& value) {
  if (value.type == ValueType::Float) return TypedValue::real(-*value.value.as<double>());
  if (!is_numeric(value.type)) return {};
  return {value.type, wrap(0 - static_cast<uint64_t>(*value.value.as<int64_t>()))};
}

}  // namespace backstitch::traceql
