#include "store/embedded/search_plan.h"

#include <algorithm>
#include <cstring>

namespace backstitch::store::embedded {
namespace {

using traceql::Comparison;
using traceql::Condition;
using traceql::Field;

bool has_service(const SummaryRow& row, const std::string& name) {
  return row.services.empty() ||
         std::ranges::binary_search(row.services, name, std::less(), &model::ServiceCount::service);
}

bool has_operation(const SummaryRow& row, const std::string& name) {
  return row.operations.empty() || std::ranges::binary_search(row.operations, operation_hash(name));
}

bool duration_may_hold(const SummaryRow& row, const Condition& condition) {
  const auto* nanos = condition.value.as<int64_t>();
  if (nanos == nullptr) return true;
  const bool some_reaches = row.duration_max.count() >= *nanos;
  const bool some_stays_below = row.duration_min.count() <= *nanos;
  switch (condition.comparison) {
    case Comparison::Equal:
      return some_reaches && some_stays_below;
    case Comparison::AtLeast:
      return some_reaches;
    case Comparison::AtMost:
      return some_stays_below;
    case Comparison::NotEqual:
      return true;
  }
  return true;
}

bool may_hold(const SummaryRow& row, const Condition& condition) {
  if (condition.field == Field::Duration) return duration_may_hold(row, condition);
  const auto* text = condition.value.as<std::string>();
  if (text == nullptr || condition.comparison != Comparison::Equal) return true;
  switch (condition.field) {
    case Field::Service:
      return has_service(row, *text);
    case Field::Name:
      return has_operation(row, *text);
    case Field::Status:
      return *text != "error" || row.error_count != 0;
    default:
      return true;
  }
}

bool is_base64(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

// True where no value but a string has this text (model::to_text): no number or bool, no bytes as base64, no array or
// key-value list as JSON.
bool is_text_of_strings_only(std::string_view text) {
  if (text.empty() || text.front() == '[' || text.front() == '{') return false;
  const bool may_be_number = text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
  const bool may_be_base64 = text.size() % 4 == 0 && std::ranges::all_of(text, is_base64);
  constexpr std::string_view words[] = {"true", "false", "NaN", "Infinity", "-Infinity"};
  return !may_be_number && !may_be_base64 && std::ranges::find(words, text) == std::end(words);
}

void add_needles(const Condition& condition, std::vector<std::string_view>& needles) {
  const bool is_attribute = condition.field == Field::Attribute || condition.field == Field::SpanAttribute ||
                            condition.field == Field::ResourceAttribute;
  if (!is_attribute && condition.field != Field::Name) return;
  if (is_attribute && !condition.key.empty()) needles.push_back(condition.key);
  const auto* text = condition.value.as<std::string>();
  if (text == nullptr || condition.comparison != Comparison::Equal) return;
  if (is_text_of_strings_only(*text)) needles.push_back(*text);
}

}  // namespace

SearchPlan::SearchPlan(const traceql::Filter& filter) : filter_(filter) {
  for (const Condition& condition : filter.all) add_needles(condition, needles_);
  for (const Condition& condition : filter.any_span) add_needles(condition, needles_);
  // Long ones are rare ones: they end the search of a fragment soonest.
  std::ranges::stable_sort(needles_, std::greater(), &std::string_view::size);
}

bool SearchPlan::row_may_match(const SummaryRow& row) const {
  const auto may = [&](const Condition& condition) { return may_hold(row, condition); };
  return std::ranges::all_of(filter_.all, may) && std::ranges::all_of(filter_.any_span, may);
}

bool SearchPlan::bytes_may_match(std::string_view otlp) const {
  return std::ranges::all_of(needles_, [otlp](std::string_view needle) {
    return memmem(otlp.data(), otlp.size(), needle.data(), needle.size()) != nullptr;
  });
}

}  // namespace backstitch::store::embedded
