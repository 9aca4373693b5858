#include "store/block/scan/query_plan.h"

#include <algorithm>
#include <utility>

#include "store/block/scan/service_facts.h"

namespace backstitch::store::block {
namespace {

using traceql::ExpressionKind;
using traceql::ExpressionNode;
using traceql::LiteralComparison;
using traceql::NodeId;
using traceql::Operator;
using traceql::TypedValue;

using Kind = FilterStep::Kind;

// Turns one boolean expression into steps. What stands on its stack is either a boolean, for which there are steps from
// `begin` on, or a value that no step computes.
class ConjunctCompiler {
 public:
  ConjunctCompiler(const traceql::Query& query, std::vector<Condition>& conditions)
      : nodes_(query.expressions), query_(query), conditions_(conditions) {}

  Conjunct compile(NodeId root) {
    for (NodeId id = nodes_[root].first; id <= root; ++id) take(id);
    make_boolean(pop());
    for (const FilterStep& step : conjunct_.steps) {
      if (step.kind == Kind::Condition) conjunct_.cost += cost_of(conditions_[step.condition].field);
      conjunct_.is_exact = conjunct_.is_exact && step.kind != Kind::Maybe;
    }
    return std::move(conjunct_);
  }

 private:
  struct Operand {
    NodeId node = 0;
    bool is_boolean = false;
    size_t begin = 0;  // where its steps begin; of values, where they would
  };

  Operand pop() {
    const Operand operand = stack_.back();
    stack_.pop_back();
    return operand;
  }
  void push_value(NodeId id) { stack_.push_back({id, false, conjunct_.steps.size()}); }
  void add(Kind kind, uint32_t condition = 0) { conjunct_.steps.push_back({kind, condition}); }

  void add_condition(const traceql::FieldRef& field, LiteralComparison comparison) {
    const bool is_negated = comparison.op() == Operator::Absent;
    if (is_negated) comparison = LiteralComparison(Operator::Exists, {});
    add(Kind::Condition, static_cast<uint32_t>(conditions_.size()));
    conditions_.push_back({field, std::move(comparison), is_negated});
  }

  // The operand as a boolean: its steps stand at the end.
  void make_boolean(const Operand& operand) {
    if (operand.is_boolean) return;
    const ExpressionNode& node = nodes_[operand.node];
    if (node.kind == ExpressionKind::Field) {
      add_condition(node.field, {Operator::Equal, TypedValue::boolean(true)});
    } else if (node.kind == ExpressionKind::Literal) {
      const auto* flag = node.literal.value.as<bool>();
      add(flag != nullptr && *flag ? Kind::True : Kind::False);
    } else {
      add(Kind::Maybe);
    }
  }

  void push_maybe(NodeId id, size_t begin) {
    conjunct_.steps.resize(begin);
    add(Kind::Maybe);
    stack_.push_back({id, true, begin});
  }

  void take(NodeId id) {
    const ExpressionNode& node = nodes_[id];
    if (node.kind == ExpressionKind::Literal || node.kind == ExpressionKind::Field) return push_value(id);
    if (node.kind == ExpressionKind::Unary) return take_unary(id, node);
    const Operand right = pop();
    const Operand left = pop();
    if (node.op == Operator::And || node.op == Operator::Or) {
      // The order of the two does not matter, so a field on the left may come behind the steps of the right.
      make_boolean(right);
      make_boolean(left);
      add(node.op == Operator::And ? Kind::And : Kind::Or);
      stack_.push_back({id, true, std::min(left.begin, right.begin)});
    } else if (traceql::is_comparison(node.op)) {
      take_comparison(id, node, left, right);
    } else {
      conjunct_.steps.resize(left.begin);
      push_value(id);
    }
  }

  void take_comparison(NodeId id, const ExpressionNode& node, const Operand& left, const Operand& right) {
    const bool is_direct = !left.is_boolean && !right.is_boolean && nodes_[left.node].kind == ExpressionKind::Field &&
                           nodes_[right.node].kind == ExpressionKind::Literal;
    if (!is_direct) return push_maybe(id, left.begin);
    stack_.push_back({id, true, conjunct_.steps.size()});
    add_condition(nodes_[left.node].field, LiteralComparison::of(query_, node));
  }

  void take_unary(NodeId id, const ExpressionNode& node) {
    const Operand operand = pop();
    const bool is_field = !operand.is_boolean && nodes_[operand.node].kind == ExpressionKind::Field;
    switch (node.op) {
      case Operator::Not:
        if (is_field) {
          add_condition(nodes_[operand.node].field, {Operator::Equal, TypedValue::boolean(false)});
        } else {
          make_boolean(operand);
          add(Kind::Not);
        }
        stack_.push_back({id, true, operand.begin});
        return;
      case Operator::Exists:
      case Operator::Absent:
        if (!is_field) return push_maybe(id, operand.begin);
        stack_.push_back({id, true, operand.begin});
        return add_condition(nodes_[operand.node].field, LiteralComparison::of(query_, node));
      default:
        conjunct_.steps.resize(operand.begin);
        push_value(id);
    }
  }

  const std::vector<ExpressionNode>& nodes_;
  const traceql::Query& query_;
  std::vector<Condition>& conditions_;
  Conjunct conjunct_;
  std::vector<Operand> stack_;
};

LeafFilter compile_leaf(const traceql::Query& query, NodeId root, std::vector<Condition>& conditions) {
  LeafFilter leaf;
  for (const NodeId conjunct : traceql::conjuncts(query, root)) {
    leaf.conjuncts.push_back(ConjunctCompiler(query, conditions).compile(conjunct));
    leaf.is_exact = leaf.is_exact && leaf.conjuncts.back().is_exact;
  }
  std::ranges::stable_sort(leaf.conjuncts, {}, &Conjunct::cost);
  for (size_t i = 0; i < leaf.conjuncts.size(); ++i) {
    const std::vector<FilterStep>& steps = leaf.conjuncts[i].steps;
    if (steps.size() != 1 || steps[0].kind != Kind::Condition) continue;
    const Condition& condition = conditions[steps[0].condition];
    if (auto service = service_of(condition)) {
      leaf.service = std::move(service);
      leaf.service_conjunct = i;
    }
    leaf.is_of_errors = leaf.is_of_errors || is_of_errors(condition);
  }
  return leaf;
}

}  // namespace

bool is_count_filter(const traceql::Query& query, const traceql::Stage& stage) {
  if (stage.kind != traceql::StageKind::ScalarFilter) return false;
  const traceql::ScalarNode& left = query.scalars[stage.left];
  const traceql::ScalarNode& right = query.scalars[stage.right];
  return left.kind == traceql::ScalarKind::Aggregate && left.aggregate == traceql::Aggregate::Count &&
         right.kind == traceql::ScalarKind::Literal;
}

bool count_passes(const traceql::Query& query, const traceql::Stage& stage, size_t count) {
  return traceql::compare(stage.op, TypedValue::integer(static_cast<int64_t>(count)),
                          query.scalars[stage.right].literal);
}

QueryPlan::QueryPlan(traceql::Query query)
    : evaluator_(std::move(query)), requirement_(traceql::required(this->query())) {
  leaf_of_.resize(this->query().expressions.size(), 0);
  for (const NodeId root : traceql::leaf_filters(this->query())) {
    leaf_of_[root] = static_cast<uint32_t>(leaves_.size());
    leaves_.push_back(compile_leaf(this->query(), root, conditions_));
  }
  const std::vector<traceql::Stage>& stages = this->query().main().stages;
  while (column_stages_ < stages.size() && is_for_columns(stages[column_stages_])) ++column_stages_;
  is_exact_ = column_stages_ == stages.size() && std::ranges::all_of(leaves_, &LeafFilter::is_exact);
}

bool QueryPlan::takes_everything() const {
  const auto root = traceql::single_filter(query());
  if (!root) return false;
  return std::ranges::all_of(leaf(*root).conjuncts, [](const Conjunct& conjunct) {
    return conjunct.steps.size() == 1 && conjunct.steps[0].kind == Kind::True;
  });
}

bool QueryPlan::is_for_columns(const traceql::Stage& stage) const {
  switch (stage.kind) {
    case traceql::StageKind::Spansets: {
      const auto& nodes = query().spansets;
      for (NodeId id = nodes[stage.spansets].first; id <= stage.spansets; ++id) {
        if (nodes[id].kind == traceql::SpansetKind::Pipeline) return false;
      }
      return true;
    }
    case traceql::StageKind::Select:
    case traceql::StageKind::Coalesce:
      return true;
    default:
      return is_count_filter(query(), stage);
  }
}

}  // namespace backstitch::store::block
