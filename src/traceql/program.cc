#include "traceql/program.h"

#include "traceql/arithmetic.h"

namespace backstitch::traceql {
namespace {

bool is_true_value(const TypedValue& value) {
  const auto* flag = value.value.as<bool>();
  return flag != nullptr && *flag;
}

bool is_logical(Operator op) { return op == Operator::And || op == Operator::Or || op == Operator::Not; }

}  // namespace

// Walks the nodes of a subtree in post-order. A field that stands where a boolean is wanted, and one that is compared
// with a literal, become one step.
class Program::Compiler {
 public:
  Compiler(const Query& query, NodeId root, bool as_filter, std::vector<Step>& steps)
      : nodes_(query.expressions), query_(query), first_(nodes_[root].first), root_(root), steps_(steps) {
    roles_.resize(root - first_ + 1);
    if (as_filter) role(root).is_boolean = true;
    for (NodeId id = root + 1; id-- > first_;) note_operands(id);
  }

  void compile() {
    for (NodeId id = first_; id <= root_; ++id) {
      if (role(id).is_part_of_parent) continue;
      emit(id);
      if (role(id).skips_for) emit_skip(id);
    }
  }

 private:
  struct Role {
    bool is_part_of_parent = false;     // the parent's step reads this node itself
    bool is_boolean = false;            // wanted as a boolean
    std::optional<NodeId> skips_for;    // the left side of this && or ||
    std::optional<uint32_t> skip_step;  // of an && or ||: its skip, whose target is still open
  };
  Role& role(NodeId id) { return roles_[id - first_]; }
  bool is_field(NodeId id) const { return nodes_[id].kind == ExpressionKind::Field; }
  bool is_literal(NodeId id) const { return nodes_[id].kind == ExpressionKind::Literal; }

  void note_operands(NodeId id) {
    const ExpressionNode& node = nodes_[id];
    if (node.kind == ExpressionKind::Unary) {
      if (node.op == Operator::Not) role(node.left).is_boolean = true;
      const bool is_test = node.op == Operator::Exists || node.op == Operator::Absent || node.op == Operator::Not;
      role(node.left).is_part_of_parent = is_test && is_field(node.left);
    }
    if (node.kind != ExpressionKind::Binary) return;
    if (is_logical(node.op)) {
      role(node.left).is_boolean = role(node.right).is_boolean = true;
      role(node.left).skips_for = id;
    }
    const bool is_direct =
        is_comparison(node.op) && is_field(node.left) && (is_field(node.right) || is_literal(node.right));
    role(node.left).is_part_of_parent = role(node.right).is_part_of_parent = is_direct;
  }

  Step& add(StepKind kind, Operator op = Operator::And) {
    Step& step = steps_.emplace_back();
    step.kind = kind;
    step.op = op;
    return step;
  }

  void emit_test(const FieldRef& field, LiteralComparison comparison) {
    Step& step = add(StepKind::TestField);
    step.field = field;
    step.comparison = std::move(comparison);
  }

  void emit(NodeId id) {
    const ExpressionNode& node = nodes_[id];
    switch (node.kind) {
      case ExpressionKind::Literal:
        add(StepKind::Literal).literal = node.literal;
        return;
      case ExpressionKind::Field:
        if (role(id).is_boolean) {
          emit_test(node.field, {Operator::Equal, TypedValue::boolean(true)});
        } else {
          add(StepKind::Field).field = node.field;
        }
        return;
      case ExpressionKind::Unary:
        return emit_unary(node);
      case ExpressionKind::Binary:
        return emit_binary(id, node);
    }
  }

  void emit_unary(const ExpressionNode& node) {
    const ExpressionNode& operand = nodes_[node.left];
    if (node.op == Operator::Negate) {
      add(StepKind::Negate);
    } else if (node.op == Operator::Not && is_field(node.left)) {
      emit_test(operand.field, {Operator::Equal, TypedValue::boolean(false)});
    } else if (node.op == Operator::Not) {
      add(StepKind::Not);
    } else if (is_field(node.left)) {
      emit_test(operand.field, LiteralComparison::of(query_, node));
    } else {
      add(StepKind::TestNil, node.op);
    }
  }

  void emit_binary(NodeId id, const ExpressionNode& node) {
    if (is_logical(node.op)) {
      add(StepKind::ToBool);
      steps_[*role(id).skip_step].target = static_cast<uint32_t>(steps_.size());
    } else if (is_arithmetic(node.op)) {
      add(StepKind::Calculate, node.op);
    } else if (role(node.left).is_part_of_parent && is_literal(node.right)) {
      emit_test(nodes_[node.left].field, LiteralComparison::of(query_, node));
    } else if (role(node.left).is_part_of_parent) {
      emit_comparison(node.op, nodes_[node.left].field, nodes_[node.right].field);
    } else {
      Step& step = add(StepKind::Compare, node.op);
      if (is_literal(node.right)) step.comparison = LiteralComparison::of(query_, node);
    }
  }

  void emit_comparison(Operator op, const FieldRef& left, const FieldRef& right) {
    const bool turns = is_of_events_or_links(right) && !is_of_events_or_links(left);
    Step& step = add(StepKind::CompareFields, turns ? flipped(op) : op);
    step.field = turns ? right : left;
    step.other = turns ? left : right;
  }

  void emit_skip(NodeId id) {
    const NodeId parent = *role(id).skips_for;
    role(parent).skip_step = static_cast<uint32_t>(steps_.size());
    add(nodes_[parent].op == Operator::And ? StepKind::SkipIfFalse : StepKind::SkipIfTrue);
  }

  const std::vector<ExpressionNode>& nodes_;
  const Query& query_;
  NodeId first_;
  NodeId root_;
  std::vector<Step>& steps_;
  std::vector<Role> roles_;
};

Program::Program(const Query& query, NodeId root, bool as_filter) {
  Compiler(query, root, as_filter, steps_).compile();
}

bool Program::test(const Step& step, const TraceContext& context, uint32_t span) const {
  const LiteralComparison& comparison = *step.comparison;
  if (comparison.op() != Operator::Absent) {
    return any_value(step.field, context, span, [&](const FieldView& value) { return value.holds(comparison); });
  }
  // An empty value counts as absent; so it takes a look at all.
  static const LiteralComparison exists(Operator::Exists, {});
  return !any_value(step.field, context, span, [](const FieldView& value) { return value.holds(exists); });
}

void Program::run(const Step& step, const TraceContext& context, uint32_t span, Stack& stack) const {
  const auto pop = [&stack] {
    TypedValue value = std::move(stack.back());
    stack.pop_back();
    return value;
  };
  switch (step.kind) {
    case StepKind::Literal:
      stack.push_back(step.literal);
      return;
    case StepKind::Field:
      stack.push_back(first_value(step.field, context, span));
      return;
    case StepKind::TestField:
      stack.push_back(TypedValue::boolean(test(step, context, span)));
      return;
    case StepKind::CompareFields: {
      const TypedValue right = first_value(step.other, context, span);
      stack.push_back(TypedValue::boolean(any_value(
          step.field, context, span, [&](const FieldView& left) { return compare(step.op, left.copy(), right); })));
      return;
    }
    case StepKind::Compare: {
      const TypedValue right = pop();
      const TypedValue left = pop();
      const bool holds =
          step.comparison ? left.type != ValueType::Nil && step.comparison->holds(left) : compare(step.op, left, right);
      stack.push_back(TypedValue::boolean(holds));
      return;
    }
    case StepKind::Calculate: {
      const TypedValue right = pop();
      const TypedValue left = pop();
      stack.push_back(calculate(step.op, left, right));
      return;
    }
    case StepKind::Not:
      stack.push_back(TypedValue::boolean(!is_true_value(pop())));
      return;
    case StepKind::Negate:
      stack.push_back(negate(pop()));
      return;
    case StepKind::TestNil:
      stack.push_back(TypedValue::boolean((pop().type == ValueType::Nil) == (step.op == Operator::Absent)));
      return;
    case StepKind::ToBool:
      stack.push_back(TypedValue::boolean(is_true_value(pop())));
      return;
    case StepKind::SkipIfFalse:
    case StepKind::SkipIfTrue:
      return;  // evaluate() does these
  }
}

TypedValue Program::evaluate(const TraceContext& context, uint32_t span) const {
  Stack stack;
  for (size_t at = 0; at < steps_.size();) {
    const Step& step = steps_[at++];
    if (step.kind != StepKind::SkipIfFalse && step.kind != StepKind::SkipIfTrue) {
      run(step, context, span, stack);
      continue;
    }
    const bool is_true = is_true_value(stack.back());
    stack.pop_back();
    if (is_true != (step.kind == StepKind::SkipIfTrue)) continue;
    stack.push_back(TypedValue::boolean(is_true));
    at = step.target;
  }
  return std::move(stack.back());
}

bool Program::is_true(const TraceContext& context, uint32_t span) const {
  return is_true_value(evaluate(context, span));
}

}  // namespace backstitch::traceql
