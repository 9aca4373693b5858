// Makes trees without text, operand by operand as on a pocket calculator of the reverse Polish kind. Whatever is built
// this way is in post-order.
//
//   QueryBuilder builder;
//   builder.field(FieldRef::of(Intrinsic::Status)).literal(TypedValue::status(StatusCode::Error)).binary(Equal);
//   builder.field(FieldRef::attribute(Scope::Span, "x")).literal(TypedValue::integer(1)).binary(Less);
//   builder.binary(Operator::And).filter();
//   Query query = std::move(builder).finish();   // { status = error && span.x < 1 }
#pragma once

#include <utility>
#include <vector>

#include "traceql/query.h"

namespace backstitch::traceql {

// Misuse (an operator without its operands, something left over at the end) is a bug: asserted.
class QueryBuilder {
 public:
  // Each pushes an expression.
  QueryBuilder& field(FieldRef field);
  QueryBuilder& literal(TypedValue value);
  // Takes one, two expressions and pushes one.
  QueryBuilder& unary(Operator op);
  QueryBuilder& binary(Operator op);
  QueryBuilder& compare_text(Operator op);  // binary(op) with ExpressionNode::as_text

  // Takes the expression and pushes a spanset.
  QueryBuilder& filter();
  // Takes two spansets and pushes one.
  QueryBuilder& join(SpansetOperator op, SpansetMode mode = SpansetMode::Plain);

  // The query of the one spanset that is left.
  Query finish() &&;

 private:
  Query query_;
  std::vector<NodeId> expressions_;
  std::vector<NodeId> spansets_;
};

}  // namespace backstitch::traceql
