#include "store/block/scan/service_facts.h"

namespace backstitch::store::block {

using traceql::Intrinsic;
using traceql::Scope;

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
  ServiceFacts facts{.has_spans = false, .has_errors = false, .names = {}};
  std::vector<bool> may_be;  // by service; spans whose service.name is no text, or empty, are of no known service
  for (const ServiceSpans& spans : index.services) {
    may_be.push_back(spans.service == service || spans.service == kUnknownService);
    if (!may_be.back()) continue;
    facts.has_spans = true;
    facts.has_errors = facts.has_errors || spans.errors != 0;
  }
  if (index.operations.size() >= kOperationsMax) return facts;
  for (const ServiceOperation& operation : index.operations) {
    if (!may_be[operation.service]) continue;
    if (facts.names.size() <= operation.name) facts.names.resize(operation.name + size_t{1});
    facts.names[operation.name] = true;
  }
  return facts;
}

}  // namespace backstitch::store::block
