#include "traceql/filter.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <optional>

namespace backstitch::traceql {
namespace {

using model::Value;

std::optional<long double> number_of(const Value& value) {
  // 64 bits of mantissa or more: every int64 and every double is exact.
  if (const auto* number = value.as<int64_t>()) return static_cast<long double>(*number);
  if (const auto* number = value.as<double>()) return static_cast<long double>(*number);
  return std::nullopt;
}

std::optional<long double> number_in(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<long double>(number);
}

bool is_equal(const Value& actual, const Value& wanted) {
  const auto left = number_of(actual);
  const auto right = number_of(wanted);
  if (left && right) return *left == *right;
  if (const auto* text = wanted.as<std::string>()) return model::to_text(actual) == *text;
  return actual == wanted;
}

// Unordered where one of them has no order beside the other.
std::partial_ordering order(const Value& actual, const Value& wanted) {
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

bool compares(const Value& actual, const Condition& condition) {
  switch (condition.comparison) {
    case Comparison::Equal:
      return is_equal(actual, condition.value);
    case Comparison::NotEqual:
      return !is_equal(actual, condition.value);
    case Comparison::AtLeast:
      return std::is_gteq(order(actual, condition.value));
    case Comparison::AtMost:
      return std::is_lteq(order(actual, condition.value));
  }
  return false;
}

bool holds_in(const model::Attributes& attributes, const Condition& condition) {
  const Value* value = model::find(attributes, condition.key);
  return value != nullptr && compares(*value, condition);
}

bool holds_anywhere(const Condition& condition, const model::SpanSet& owner, const model::Span& span) {
  const model::Attributes* places[] = {&span.attributes, &owner.resources[span.resource].attributes,
                                       &owner.scopes[span.scope].attributes};
  for (const model::Attributes* place : places) {
    if (const Value* value = model::find(*place, condition.key)) return compares(*value, condition);
  }
  return std::ranges::any_of(span.events,
                             [&](const model::Event& event) { return holds_in(event.attributes, condition); });
}

bool holds(const Condition& condition, const model::SpanSet& owner, const model::Span& span) {
  switch (condition.field) {
    case Field::Service:
      return compares(owner.resources[span.resource].service(), condition);
    case Field::Name:
      return compares(span.name, condition);
    case Field::Kind:
      return compares(to_string(span.kind), condition);
    case Field::Status:
      return compares(to_string(span.status.code), condition);
    case Field::Duration:
      return compares(int64_t{span.duration().count()}, condition);
    case Field::Attribute:
      return holds_anywhere(condition, owner, span);
    case Field::SpanAttribute:
      return holds_in(span.attributes, condition);
    case Field::ResourceAttribute:
      return holds_in(owner.resources[span.resource].attributes, condition);
  }
  return false;
}

}  // namespace

bool matches_span(const Filter& filter, const model::SpanSet& owner, const model::Span& span) {
  return std::ranges::all_of(filter.all, [&](const Condition& condition) { return holds(condition, owner, span); });
}

bool matches(const Filter& filter, const model::Trace& trace) {
  const auto on_some_span = [&](const Condition& condition) {
    return std::ranges::any_of(trace.spans, [&](const model::Span& span) { return holds(condition, trace, span); });
  };
  return std::ranges::any_of(trace.spans, [&](const model::Span& span) { return matches_span(filter, trace, span); }) &&
         std::ranges::all_of(filter.any_span, on_some_span);
}

}  // namespace backstitch::traceql
