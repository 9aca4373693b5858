// Reads what follows the '|' before a metrics function: the function, by(), topk, bottomk, comparisons.
#pragma once

#include "traceql/expression_parser.h"
#include "traceql/query.h"
#include "traceql/token_stream.h"

namespace backstitch::traceql {

class MetricsParser {
 public:
  MetricsParser(TokenStream& tokens, ParseBudget& budget, ExpressionParser& expressions)
      : tokens_(tokens), budget_(budget), expressions_(expressions) {}

  // The function's word is next.
  bool metrics(Metrics& metrics);

 private:
  bool function(Metrics& metrics);
  bool arguments(Metrics& metrics);
  bool quantiles(Metrics& metrics);
  bool second_stage(Metrics& metrics, bool& is_one);
  bool ranking(SecondStage& stage);
  bool threshold(SecondStage& stage);

  TokenStream& tokens_;
  ParseBudget& budget_;
  ExpressionParser& expressions_;
};

}  // namespace backstitch::traceql
