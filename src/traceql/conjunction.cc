#include "traceql/conjunction.h"

#include <cassert>

namespace backstitch::traceql {
namespace {

// Behind those of `query`, with every index moved along. Returns where the root is then.
NodeId append_spansets(Query& query, const Query& filters) {
  const auto expressions = static_cast<NodeId>(query.expressions.size());
  for (ExpressionNode node : filters.expressions) {
    if (node.kind == ExpressionKind::Unary || node.kind == ExpressionKind::Binary) node.left += expressions;
    if (node.kind == ExpressionKind::Binary) node.right += expressions;
    node.first += expressions;
    query.expressions.push_back(std::move(node));
  }
  const auto spansets = static_cast<NodeId>(query.spansets.size());
  for (SpansetNode node : filters.spansets) {
    if (node.kind == SpansetKind::Filter) node.expression += expressions;
    if (node.kind == SpansetKind::Operation) {
      node.left += spansets;
      node.right += spansets;
    }
    node.first += spansets;
    query.spansets.push_back(node);
  }
  return filters.main().stages.front().spansets + spansets;
}

bool is_one_spanset(const Query& query) {
  return query.main().stages.size() == 1 && query.main().stages.front().kind == StageKind::Spansets;
}

}  // namespace

Query both(Query query, const Query& filters) {
  assert(!query.is_empty() && !query.metrics && !filters.metrics);
  assert(filters.pipelines.size() == 1 && is_one_spanset(filters));
  // The query's own spansets stand before; those of a pipeline need a node that stands for them.
  NodeId left = 0;
  if (is_one_spanset(query)) {
    left = query.main().stages.front().spansets;
    query.pipelines.pop_back();
  } else {
    left = static_cast<NodeId>(query.spansets.size());
    query.spansets.push_back(
        {.kind = SpansetKind::Pipeline, .pipeline = static_cast<NodeId>(query.pipelines.size() - 1), .first = left});
  }
  const NodeId first = query.spansets[left].first;
  const NodeId right = append_spansets(query, filters);
  const auto root = static_cast<NodeId>(query.spansets.size());
  query.spansets.push_back(
      {.kind = SpansetKind::Operation, .op = SpansetOperator::And, .left = left, .right = right, .first = first});
  query.pipelines.push_back({.stages = {{.kind = StageKind::Spansets, .spansets = root}}});
  return query;
}

}  // namespace backstitch::traceql
