// Reads pipelines: spansets and what joins them, aggregates and what they are compared with, by, select, coalesce.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "traceql/expression_parser.h"
#include "traceql/query.h"
#include "traceql/token_stream.h"

namespace backstitch::traceql {

// "rate", "quantile_over_time"; compare too, which is refused later.
bool is_metrics_word(const Token& token);

class PipelineParser {
 public:
  PipelineParser(TokenStream& tokens, Query& query, ParseBudget& budget, ExpressionParser& expressions)
      : tokens_(tokens), query_(query), budget_(budget), expressions_(expressions) {}

  // The query's own pipeline: up to the end, hints, or a '|' before a metrics function. Appends it to the query.
  bool main();

 private:
  enum class Kind : uint8_t { Spansets, Scalar, Condition };
  // Part of a stage. Its nodes are numbered from 0 and move into the query when the stage is complete: so the nodes of
  // pipelines in parentheses, complete before, do not stand between them.
  struct Part {
    Kind kind = Kind::Spansets;
    std::vector<SpansetNode> spansets;
    std::vector<ScalarNode> scalars;
    bool has_aggregate = false;
    // Of a Condition: the last scalar is the right side.
    Operator op = Operator::Equal;
    NodeId left = 0;
  };
  struct Draft {
    std::vector<Part> parts;  // beside `stages`, for those that have one
    std::vector<Stage> stages;
  };

  bool pipeline(Draft& draft);
  bool spend_stages(const Draft& draft, size_t offset);
  bool stage(Draft& draft);
  bool by(Stage& stage);
  bool select(Stage& stage);
  bool expression(int precedence_min, Part& part);
  bool operand(Part& part);
  bool filter(Part& part);
  bool aggregate(Part& part);
  bool number(Part& part);
  bool parenthesised(Part& part);
  bool join(const Token& op_token, Part& left, Part right);
  bool calculate(Operator op, Part& left, Part right);
  bool compare(const Token& op_token, Operator op, Part& left, Part right);
  bool check_scalar_pipeline(const Draft& draft, size_t offset);
  NodeId append(Draft draft);
  void place(Part part, Stage& stage);

  TokenStream& tokens_;
  Query& query_;
  ParseBudget& budget_;
  ExpressionParser& expressions_;
};

}  // namespace backstitch::traceql
