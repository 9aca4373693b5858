#include "traceql/query_builder.h"

#include <cassert>

namespace backstitch::traceql {

QueryBuilder& QueryBuilder::field(FieldRef field) {
  const auto id = static_cast<NodeId>(query_.expressions.size());
  query_.expressions.push_back({.kind = ExpressionKind::Field, .first = id, .field = std::move(field)});
  expressions_.push_back(id);
  return *this;
}

QueryBuilder& QueryBuilder::literal(TypedValue value) {
  const auto id = static_cast<NodeId>(query_.expressions.size());
  query_.expressions.push_back({.kind = ExpressionKind::Literal, .first = id, .literal = std::move(value)});
  expressions_.push_back(id);
  return *this;
}

QueryBuilder& QueryBuilder::unary(Operator op) {
  assert(!expressions_.empty());
  const NodeId operand = expressions_.back();
  const NodeId first = query_.expressions[operand].first;
  expressions_.back() = static_cast<NodeId>(query_.expressions.size());
  query_.expressions.push_back({.kind = ExpressionKind::Unary, .op = op, .left = operand, .first = first});
  return *this;
}

QueryBuilder& QueryBuilder::binary(Operator op) {
  assert(expressions_.size() >= 2);
  const NodeId right = expressions_.back();
  expressions_.pop_back();
  const NodeId left = expressions_.back();
  const NodeId first = query_.expressions[left].first;
  expressions_.back() = static_cast<NodeId>(query_.expressions.size());
  query_.expressions.push_back(
      {.kind = ExpressionKind::Binary, .op = op, .left = left, .right = right, .first = first});
  return *this;
}

QueryBuilder& QueryBuilder::compare_text(Operator op) {
  binary(op);
  query_.expressions.back().as_text = true;
  return *this;
}

QueryBuilder& QueryBuilder::filter() {
  assert(expressions_.size() == 1);
  const auto id = static_cast<NodeId>(query_.spansets.size());
  query_.spansets.push_back({.kind = SpansetKind::Filter, .expression = expressions_.back(), .first = id});
  expressions_.pop_back();
  spansets_.push_back(id);
  return *this;
}

QueryBuilder& QueryBuilder::join(SpansetOperator op, SpansetMode mode) {
  assert(spansets_.size() >= 2);
  const NodeId right = spansets_.back();
  spansets_.pop_back();
  const NodeId left = spansets_.back();
  const NodeId first = query_.spansets[left].first;
  spansets_.back() = static_cast<NodeId>(query_.spansets.size());
  query_.spansets.push_back(
      {.kind = SpansetKind::Operation, .op = op, .mode = mode, .left = left, .right = right, .first = first});
  return *this;
}

Query QueryBuilder::finish() && {
  assert(expressions_.empty() && spansets_.size() == 1);
  query_.pipelines.push_back({.stages = {{.kind = StageKind::Spansets, .spansets = spansets_.back()}}});
  return std::move(query_);
}

}  // namespace backstitch::traceql
