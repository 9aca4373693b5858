// Reads what stands inside { }, by() and aggregates, appends it to a query in post-order, and checks its types.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "traceql/query.h"
#include "traceql/token_stream.h"

namespace backstitch::traceql {

// Between nodes the limits of query.h are this much wider: what the printer adds (blanks, parentheses) fits.
constexpr size_t kBetweenNodesFactor = 4;

// Counts what one query may hold (query.h). Shared by all parsers of the query.
struct ParseBudget {
  Dialect dialect = Dialect::Tempo;
  size_t nodes = 0;
  size_t stages = 0;
  size_t nesting = 0;

  size_t nesting_max() const { return kNestingMax * factor(); }
  size_t nodes_max() const { return kNodesMax * factor(); }

 private:
  size_t factor() const { return dialect == Dialect::Tempo ? 1 : kBetweenNodesFactor; }
};

// Takes one level of nesting while it lives. `is_within` says whether the limit allows it.
class Nested {
 public:
  explicit Nested(ParseBudget& budget) : budget_(budget) { ++budget_.nesting; }
  ~Nested() { --budget_.nesting; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;
  bool is_within() const { return budget_.nesting <= budget_.nesting_max(); }

 private:
  ParseBudget& budget_;
};

// Refuses one node too many.
bool spend_node(ParseBudget& budget, TokenStream& tokens);
bool refuse_nesting(const ParseBudget& budget, TokenStream& tokens);

// The operator that a binary operator's token stands for, with Tempo's precedence: 1 && ||, 2 comparisons,
// 3 + -, 4 * / %, 5 ^.
struct BinaryOperator {
  Operator op = Operator::And;
  int precedence = 0;
};
std::optional<BinaryOperator> binary_operator(const Token& token);

class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, Query& query, ParseBudget& budget)
      : tokens_(tokens), query_(query), budget_(budget) {}

  // Each leaves the root in `root`.
  bool filter(NodeId& root);                                     // a boolean
  bool everything(NodeId& root);                                 // of `{ }`: reads nothing, puts true
  bool aggregated(NodeId& root);                                 // a number that depends on the span
  bool grouped(NodeId& root);                                    // anything that depends on the span
  bool field(FieldRef& field);                                   // a field alone
  bool fields(std::vector<FieldRef>& fields, size_t count_max);  // one or more, up to the ')'

 private:
  using Type = std::optional<ValueType>;  // nothing: known only at the span

  bool expression(int precedence_min);
  bool operand();
  bool text_of_field();
  std::optional<Intrinsic> intrinsic_of(const Token& token) const;
  bool parenthesised();
  bool unary(Operator op);
  bool power_side();
  bool binary(const Token& op_token, Operator op);
  bool compare_nil(const Token& op_token, Operator op, bool is_left_nil);
  bool check_types(const Token& op_token, Operator op);
  bool check_pattern(const Token& op_token);
  void put_literal_right(Operator& op);
  void normalize_id();

  bool push(ExpressionNode node, Type type, size_t offset);
  NodeId root() const { return static_cast<NodeId>(query_.expressions.size() - 1); }
  NodeId left_of(NodeId right) const { return query_.expressions[right].first - 1; }
  bool is_nil(NodeId id) const;
  bool has_field(NodeId root) const;

  TokenStream& tokens_;
  Query& query_;
  ParseBudget& budget_;
  // Beside Query::expressions: each node's type, and where its text begins.
  std::vector<Type> types_;
  std::vector<size_t> offsets_;
};

}  // namespace backstitch::traceql
