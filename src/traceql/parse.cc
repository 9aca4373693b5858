#include "traceql/parse.h"

#include <fmt/format.h>

#include "traceql/arithmetic.h"
#include "traceql/expression_parser.h"
#include "traceql/metrics_parser.h"
#include "traceql/pipeline_parser.h"
#include "traceql/token_stream.h"

namespace backstitch::traceql {
namespace {

class QueryParser {
 public:
  QueryParser(std::string_view text, std::vector<Token> tokens, Dialect dialect)
      : tokens_(text, std::move(tokens)), budget_{.dialect = dialect} {}

  base::Result<Query> run() {
    if (!query()) return std::unexpected(tokens_.error());
    return std::move(query_);
  }

 private:
  bool query() {
    ExpressionParser expressions(tokens_, query_, budget_);
    PipelineParser pipelines(tokens_, query_, budget_, expressions);
    if (!pipelines.main()) return false;
    if (tokens_.accept("|")) {
      MetricsParser metrics(tokens_, budget_, expressions);
      if (!metrics.metrics(query_.metrics.emplace())) return false;
    }
    while (tokens_.is_word("with")) {
      if (!hints()) return false;
    }
    if (tokens_.peek().kind == TokenKind::End) return true;
    return tokens_.expected(query_.metrics ? "'| topk(', '| bottomk(', a comparison or the end"
                                           : "'|', an operator or the end");
  }

  bool hints() {
    tokens_.next();
    if (!tokens_.expect("(", "after with")) return false;
    do {
      if (!hint()) return false;
    } while (tokens_.accept(","));
    return tokens_.expect(")", "or ',' after the hint");
  }

  bool hint() {
    if (!spend_node(budget_, tokens_)) return false;
    if (tokens_.peek().kind != TokenKind::Word) return tokens_.expected("the name of a hint");
    Hint hint{.name = std::string(tokens_.next().text), .value = {}};
    if (!tokens_.expect("=", "after " + hint.name)) return false;
    const bool is_negative = tokens_.accept("-");
    const Token& token = tokens_.peek();
    const bool is_flag = tokens_.is_word("true") || tokens_.is_word("false");
    if (token.kind == TokenKind::Literal && (!is_negative || is_numeric(token.literal.type))) {
      hint.value = is_negative ? negate(token.literal) : token.literal;
    } else if (is_flag && !is_negative) {
      hint.value = TypedValue::boolean(tokens_.is_word("true"));
    } else {
      return tokens_.expected("a value after '='");
    }
    tokens_.next();
    query_.hints.push_back(std::move(hint));
    return true;
  }

  TokenStream tokens_;
  Query query_;
  ParseBudget budget_;
};

base::Result<Query> parse_as(Dialect dialect, std::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) {
    return fail_at(text, 0, fmt::format("a query of {} bytes, at most {} are taken", text.size(), bytes_max));
  }
  auto tokens = tokenize(text, dialect);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  return QueryParser(text, std::move(*tokens), dialect).run();
}

constexpr size_t kBetweenNodesBytesMax = 32 * kQueryBytesMax;

}  // namespace

base::Result<Query> parse(std::string_view text) { return parse_as(Dialect::Tempo, text, kQueryBytesMax); }

base::Result<Query> parse_between_nodes(std::string_view text) {
  return parse_as(Dialect::BetweenNodes, text, kBetweenNodesBytesMax);
}

}  // namespace backstitch::traceql
