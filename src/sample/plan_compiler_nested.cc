#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "sample/plan_compiler.h"
#include "sample/span_filter.h"
#include "traceql/analysis.h"
#include "traceql/parse.h"
#include "traceql/print.h"

// Rules with policies inside, and those that are ours.

namespace backstitch::sample {
namespace {

constexpr std::string_view kErrorTree = "backstitch.error_tree";

std::unexpected<base::Error> invalid(std::string message) {
  return base::fail(base::Errc::InvalidArgument, std::move(message));
}

bool is_percent(double value) { return value > 0 && value <= 100; }

class HasErrorTree final : public SpanCondition {
 public:
  explicit HasErrorTree(uint32_t slot) : slot_(slot) {}
  Outcome matches(const SpanInput& span) const override {
    if (span.attributes[slot_].is_present()) return Outcome::Match;
    for (const EventInput& event : span.events) {
      if (event.name == kErrorTree) return Outcome::Match;
    }
    return Outcome::NoMatch;
  }

 private:
  const uint32_t slot_;
};

// Nothing but filters joined by && and ||, and what doesn't change which traces match.
bool is_of_filters_alone(const traceql::Query& query) {
  if (query.pipelines.size() != 1) return false;
  size_t spansets = 0;
  for (const traceql::Stage& stage : query.main().stages) {
    if (stage.kind == traceql::StageKind::Spansets) {
      ++spansets;
    } else if (stage.kind != traceql::StageKind::Select) {
      return false;
    }
  }
  for (const traceql::SpansetNode& node : query.spansets) {
    const bool joins = node.op == traceql::SpansetOperator::And || node.op == traceql::SpansetOperator::Or;
    if (node.kind == traceql::SpansetKind::Operation && !joins) return false;
  }
  return spansets == 1;
}

}  // namespace

base::Result<std::vector<NodeIndex>> PlanCompiler::add_all(const std::vector<Policy>& policies) {
  std::vector<NodeIndex> nodes;
  for (const Policy& policy : policies) {
    const base::Result<NodeIndex> node = add(policy);
    if (!node) return std::unexpected(node.error());
    nodes.push_back(*node);
  }
  return nodes;
}

void PlanCompiler::inherit(PlanNode& node, const std::vector<NodeIndex>& children) const {
  for (const NodeIndex child : children) {
    node.has_budget |= plan_.nodes_[child].has_budget;
    node.may_need_trace |= plan_.nodes_[child].may_need_trace;
  }
}

PlanCompiler::Node PlanCompiler::operator()(const And& rule) {
  auto children = add_all(rule.policies);
  if (!children) return std::unexpected(children.error());
  PlanNode node{.body = AndNode{.children = *children, .drops = false}};
  inherit(node, *children);
  return node;
}

PlanCompiler::Node PlanCompiler::operator()(const Drop& rule) {
  if (depth_ != 1) return invalid("drop stands inside no other policy");
  auto children = add_all(rule.policies);
  if (!children) return std::unexpected(children.error());
  PlanNode node{.body = AndNode{.children = *children, .drops = true}};
  inherit(node, *children);
  return node;
}

PlanCompiler::Node PlanCompiler::operator()(const Not& rule) {
  if (rule.policy.size() != 1) return invalid(fmt::format("not takes one policy, not {}", rule.policy.size()));
  auto children = add_all(rule.policy);
  if (!children) return std::unexpected(children.error());
  PlanNode node{.body = NotNode{children->front()}};
  inherit(node, *children);
  return node;
}

PlanCompiler::Node PlanCompiler::operator()(const Composite& rule) {
  auto children = add_all(rule.policies);
  if (!children) return std::unexpected(children.error());
  CompositeNode body{.children = *children, .percents = {}, .total = rule.max_total_spans_per_second};
  body.budget = budgets_++;
  for (const Policy& policy : rule.policies) {
    int64_t percent = 0;  // the last allocation of that name counts
    for (const RateAllocation& allocation : rule.rate_allocation) {
      if (allocation.policy == policy.name) percent = allocation.percent;
    }
    body.percents.push_back(std::max<int64_t>(percent, 0));
  }
  PlanNode node{.body = std::move(body)};
  inherit(node, *children);
  node.has_budget = true;
  return node;
}

PlanCompiler::Node PlanCompiler::operator()(const Adaptive& rule) {
  const bool has_rate = rule.traces_per_second > 0 && std::isfinite(rule.traces_per_second);
  const bool has_percent = is_percent(rule.percent);
  if (has_rate == has_percent || rule.traces_per_second < 0 || rule.percent < 0) {
    return invalid("adaptive takes either traces_per_second above 0 or percent above 0 and up to 100");
  }
  if (!(rule.weight > 0 && rule.weight <= 1)) return invalid("adaptive: weight is above 0 and at most 1");
  if (rule.interval.count() <= 0) return invalid("adaptive: interval is at least 1s");
  if (rule.keys_max == 0) return invalid("adaptive: keys_max is at least 1");
  if (plan_.asks_for_kind_ && rule.keys != adaptive_keys_) {
    return invalid("all adaptive policies of a set take the same keys");
  }
  if (!plan_.asks_for_kind_) {
    plan_.asks_for_kind_ = true;
    adaptive_keys_ = rule.keys;
    SpanFields& fields = plan_.atoms_.fields();
    plan_.service_slot_ = fields.slot(model::AttributeLevel::Resource, "service.name");
    for (const std::string& key : rule.keys) {
      plan_.kind_keys_.push_back(
          {fields.slot(model::AttributeLevel::Span, key), fields.slot(model::AttributeLevel::Resource, key)});
    }
  }
  const AdaptiveGoal goal{.per_second = rule.traces_per_second,
                          .fraction = rule.percent / 100,
                          .interval = rule.interval,
                          .weight = rule.weight,
                          .keys_max = rule.keys_max};
  return PlanNode{.body = AdaptiveNode{.goal = goal, .salt = TraceChoice("adaptive", 0), .budget = budgets_++},
                  .has_budget = true};
}

PlanCompiler::Node PlanCompiler::operator()(const TraceQl& rule) {
  base::Result<traceql::Query> query = traceql::parse(rule.query);
  if (!query) return std::unexpected(query.error());
  if (query->metrics) return invalid("traceql takes a query for traces, without metrics");
  TraceQlNode body;
  body.required = traceql::required(*query);
  body.is_sufficient = is_of_filters_alone(*query);
  for (traceql::RequirementNode& node : body.required) {
    if (node.kind != traceql::RequirementKind::Leaf) continue;
    std::string identity = "traceql " + traceql::print_expression(*query, node.expression);
    auto atoms = plan_.atoms_.known_condition(identity);
    if (!atoms) {
      auto filter = compile_span_filter(*query, node.expression, plan_.atoms_.fields());
      if (filter != nullptr) atoms = plan_.atoms_.condition(std::move(identity), std::move(filter));
    }
    node.expression = static_cast<traceql::NodeId>(body.leaves.size());
    body.leaves.push_back(atoms);
  }
  body.evaluator = std::make_shared<const traceql::Evaluator>(*std::move(query));
  need(TraceNeed::Spans);
  return PlanNode{.body = std::move(body), .may_need_trace = true};
}

PlanCompiler::Node PlanCompiler::operator()(const Baseline& rule) {
  if (!is_percent(rule.percent)) return invalid("baseline: percent is above 0 and at most 100");
  return PlanNode{.body = ChoiceNode{TraceChoice(rule.hash_salt, rule.percent)}};
}

PlanCompiler::Node PlanCompiler::operator()(const Novel& rule) {
  if (rule.forget_after.count() <= 0) return invalid("novel: forget_after is at least 1s");
  if (rule.shapes_max == 0) return invalid("novel: shapes_max is at least 1");
  need(TraceNeed::Calls);
  const ShapeBounds bounds{.forget_after = rule.forget_after, .shapes_max = rule.shapes_max};
  return PlanNode{
      .body = NovelNode{.bounds = bounds, .budget = budgets_++}, .has_budget = true, .may_need_trace = true};
}

PlanCompiler::Node PlanCompiler::operator()(const Orphan&) {
  need(TraceNeed::Calls);
  return PlanNode{.body = OrphanNode{}, .may_need_trace = true};
}

PlanCompiler::Node PlanCompiler::operator()(const ErrorTree&) {
  const std::string identity = "error_tree";
  if (const auto known = plan_.atoms_.known_condition(identity)) return PlanNode{.body = ConditionNode{*known}};
  SpanFields& fields = plan_.atoms_.fields();
  fields.events = true;
  auto condition = std::make_unique<HasErrorTree>(fields.slot(model::AttributeLevel::Span, kErrorTree));
  return PlanNode{.body = ConditionNode{plan_.atoms_.condition(identity, std::move(condition))}};
}

}  // namespace backstitch::sample
