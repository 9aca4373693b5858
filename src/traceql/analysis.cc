#include "traceql/analysis.h"

#include <algorithm>

namespace backstitch::traceql {
namespace {

void sort_and_unique(std::vector<FieldRef>& fields) {
  std::ranges::sort(fields);
  const auto repeats = std::ranges::unique(fields);
  fields.erase(repeats.begin(), repeats.end());
}

void add_fields(const Query& query, NodeId root, std::vector<FieldRef>& fields) {
  for (NodeId id = query.expressions[root].first; id <= root; ++id) {
    if (query.expressions[id].kind == ExpressionKind::Field) fields.push_back(query.expressions[id].field);
  }
}

bool is_spansets(const Stage& stage) { return stage.kind == StageKind::Spansets; }

// Collects the requirements of one pipeline after the other; those in parentheses come first.
class Requirements {
 public:
  explicit Requirements(const Query& query) : query_(query) {}

  Requirement run() {
    std::vector<NodeId> roots;
    for (const Pipeline& pipeline : query_.pipelines) roots.push_back(of_pipeline(pipeline, roots));
    const NodeId root = roots.empty() ? always() : roots.back();
    return only_below(root);
  }

 private:
  NodeId push(RequirementNode node) {
    nodes_.push_back(node);
    return static_cast<NodeId>(nodes_.size() - 1);
  }
  NodeId always() { return push({}); }
  bool is_always(NodeId id) const { return nodes_[id].kind == RequirementKind::Always; }

  NodeId both(NodeId left, NodeId right) {
    if (is_always(left)) return right;
    if (is_always(right)) return left;
    return push({.kind = RequirementKind::And, .left = left, .right = right});
  }
  NodeId either(NodeId left, NodeId right) {
    if (is_always(left)) return left;
    if (is_always(right)) return right;
    return push({.kind = RequirementKind::Or, .left = left, .right = right});
  }

  NodeId of_pipeline(const Pipeline& pipeline, const std::vector<NodeId>& before) {
    NodeId all = always();
    for (const Stage& stage : pipeline.stages) {
      if (is_spansets(stage)) all = both(all, of_spansets(stage.spansets, before));
    }
    return all;
  }

  NodeId of_operation(const SpansetNode& node, NodeId left, NodeId right) {
    if (node.op == SpansetOperator::Or) return either(left, right);
    return node.mode == SpansetMode::Negated ? right : both(left, right);
  }

  NodeId of_spansets(NodeId root, const std::vector<NodeId>& before) {
    std::vector<NodeId> stack;
    for (NodeId id = query_.spansets[root].first; id <= root; ++id) {
      const SpansetNode& node = query_.spansets[id];
      if (node.kind == SpansetKind::Filter) {
        stack.push_back(push({.kind = RequirementKind::Leaf, .expression = node.expression}));
      } else if (node.kind == SpansetKind::Pipeline) {
        stack.push_back(before[node.pipeline]);
      } else {
        const NodeId right = stack.back();
        stack.pop_back();
        stack.back() = of_operation(node, stack.back(), right);
      }
    }
    return stack.back();
  }

  // Drops what the root does not use. Children stand before their parents, so one pass down marks and one up copies.
  Requirement only_below(NodeId root) const {
    std::vector<bool> is_used(nodes_.size());
    is_used[root] = true;
    for (NodeId id = root + 1; id-- > 0;) {
      const bool has_children = nodes_[id].kind == RequirementKind::And || nodes_[id].kind == RequirementKind::Or;
      if (is_used[id] && has_children) is_used[nodes_[id].left] = is_used[nodes_[id].right] = true;
    }
    Requirement result;
    std::vector<NodeId> moved(nodes_.size());
    for (NodeId id = 0; id <= root; ++id) {
      if (!is_used[id]) continue;
      moved[id] = static_cast<NodeId>(result.size());
      RequirementNode node = nodes_[id];
      if (node.kind == RequirementKind::And || node.kind == RequirementKind::Or) {
        node.left = moved[node.left];
        node.right = moved[node.right];
      }
      result.push_back(node);
    }
    return result;
  }

  const Query& query_;
  Requirement nodes_;
};

}  // namespace

std::vector<NodeId> leaf_filters(const Query& query) {
  std::vector<NodeId> roots;
  for (const SpansetNode& node : query.spansets) {
    if (node.kind == SpansetKind::Filter) roots.push_back(node.expression);
  }
  std::ranges::sort(roots);  // expressions stand in the order of the text
  return roots;
}

std::optional<NodeId> single_filter(const Query& query) {
  if (query.pipelines.size() != 1) return std::nullopt;
  const std::vector<Stage>& stages = query.main().stages;
  const auto is_select = [](const Stage& stage) { return stage.kind == StageKind::Select; };
  if (!is_spansets(stages.front()) || !std::all_of(stages.begin() + 1, stages.end(), is_select)) return std::nullopt;
  const SpansetNode& node = query.spansets[stages.front().spansets];
  if (node.kind != SpansetKind::Filter) return std::nullopt;
  return node.expression;
}

Requirement required(const Query& query) { return Requirements(query).run(); }

std::vector<NodeId> conjuncts(const Query& query, NodeId root) {
  std::vector<NodeId> found;
  std::vector<NodeId> open{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    const ExpressionNode& node = query.expressions[id];
    if (node.kind == ExpressionKind::Binary && node.op == Operator::And) {
      open.push_back(node.right);
      open.push_back(node.left);
    } else {
      found.push_back(id);
    }
  }
  return found;
}

std::vector<FieldRef> fields_of(const Query& query, NodeId root) {
  std::vector<FieldRef> fields;
  add_fields(query, root, fields);
  sort_and_unique(fields);
  return fields;
}

std::vector<FieldRef> fields_of(const Query& query) {
  std::vector<FieldRef> fields;
  for (const ExpressionNode& node : query.expressions) {
    if (node.kind == ExpressionKind::Field) fields.push_back(node.field);
  }
  for (const Pipeline& pipeline : query.pipelines) {
    for (const Stage& stage : pipeline.stages) {
      fields.insert(fields.end(), stage.selected.begin(), stage.selected.end());
    }
  }
  if (query.metrics) {
    if (query.metrics->field) fields.push_back(*query.metrics->field);
    fields.insert(fields.end(), query.metrics->by.begin(), query.metrics->by.end());
  }
  sort_and_unique(fields);
  return fields;
}

std::vector<FieldRef> shown_fields(const Query& query) {
  std::vector<FieldRef> fields;
  for (const NodeId root : leaf_filters(query)) add_fields(query, root, fields);
  for (const Pipeline& pipeline : query.pipelines) {
    for (const Stage& stage : pipeline.stages) {
      fields.insert(fields.end(), stage.selected.begin(), stage.selected.end());
    }
  }
  std::vector<FieldRef> shown;
  for (FieldRef& field : fields) {
    const bool is_known = std::ranges::find(shown, field) != shown.end();
    if (!is_known && !is_trace_level(field)) shown.push_back(std::move(field));
  }
  return shown;
}

bool needs_structure(const Query& query) {
  const auto is_structural = [](const SpansetNode& node) {
    return node.kind == SpansetKind::Operation && node.op != SpansetOperator::And && node.op != SpansetOperator::Or;
  };
  if (std::ranges::any_of(query.spansets, is_structural)) return true;
  const std::vector<FieldRef> fields = fields_of(query);
  return std::ranges::any_of(fields, [](const FieldRef& field) { return needs_structure(field); });
}

}  // namespace backstitch::traceql
