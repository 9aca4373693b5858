#include "store/block/scan/service_facts.h"

#include <algorithm>

namespace backstitch::store::block {

using traceql::Intrinsic;
using traceql::Scope;

namespace {

// Whether spans that the index lists under `name` may be of `service`: where that is the text of an array, each of its
// elements is equal to the attribute; where there is no text, or an empty one, the name is that of no known service.
bool may_be_named(const std::string& name, const std::string& service) {
  return name == service || name == kUnknownService || name.starts_with('[');
}

// The group of whose values the one with `code` is.
uint32_t group_of_value(const ColumnIndex& column, uint64_t code) {
  uint32_t group = 0;
  while (group < column.values.size() && code >= column.values[group].rows) code -= column.values[group++].rows;
  return group;
}

}  // namespace

std::optional<std::string> service_of(const Condition& condition) {
  const traceql::FieldRef& field = condition.field;
  const bool is_service =
      field.intrinsic == Intrinsic::Service ||
      (field.intrinsic == Intrinsic::None && field.scope == Scope::Resource && field.key == "service.name");
  const auto* text = condition.comparison.literal().value.as<std::string>();
  const bool is_equal = condition.comparison.op() == traceql::Operator::Equal && !condition.comparison.is_as_text();
  if (!is_service || field.of_parent || condition.is_negated || !is_equal || text == nullptr) return {};
  return *text;
}

bool is_of_errors(const Condition& condition) {
  const traceql::LiteralComparison& comparison = condition.comparison;
  return condition.field.intrinsic == Intrinsic::Status && !condition.field.of_parent && !condition.is_negated &&
         !comparison.holds_status(model::StatusCode::Unset) && !comparison.holds_status(model::StatusCode::Ok);
}

ServiceFacts facts_of(const BlockIndex& index, const std::string& service) {
  ServiceFacts facts{.has_spans = false, .has_errors = false, .first_group = 0, .names = {}};
  std::vector<bool> may_be;  // by service
  for (const ServiceSpans& spans : index.services) {
    may_be.push_back(may_be_named(spans.service, service));
    if (!may_be.back()) continue;
    facts.has_spans = true;
    facts.has_errors = facts.has_errors || spans.errors != 0;
  }
  const ColumnIndex* const names = index.find(Field::Name);
  if (!facts.has_spans || names == nullptr || index.operations.size() >= kOperationsMax) return facts;
  uint32_t first_name = UINT32_MAX;
  for (const ServiceOperation& operation : index.operations) {
    if (!may_be[operation.service]) continue;
    if (facts.names.size() <= operation.name) facts.names.resize(operation.name + size_t{1});
    facts.names[operation.name] = true;
    first_name = std::min(first_name, operation.name);
  }
  if (!facts.names.empty()) facts.first_group = group_of_value(*names, first_name);
  return facts;
}

}  // namespace backstitch::store::block
