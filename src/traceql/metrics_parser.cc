#include "traceql/metrics_parser.h"

#include <array>
#include <fmt/format.h>
#include <string>

#include "traceql/arithmetic.h"

namespace backstitch::traceql {
namespace {

std::optional<MetricsFunction> function_named(std::string_view word) {
  using enum MetricsFunction;
  for (const MetricsFunction function :
       {Rate, CountOverTime, MinOverTime, MaxOverTime, AvgOverTime, SumOverTime, QuantileOverTime, HistogramOverTime}) {
    if (word == to_string(function)) return function;
  }
  return std::nullopt;
}

}  // namespace

bool MetricsParser::metrics(Metrics& result) {
  if (!function(result) || !arguments(result)) return false;
  if (tokens_.is_word("by")) {
    tokens_.next();
    if (!tokens_.expect("(", "after by") || !expressions_.fields(result.by, kGroupByMax)) return false;
  }
  for (bool is_one = true; is_one;) {
    if (!second_stage(result, is_one)) return false;
  }
  return true;
}

bool MetricsParser::function(Metrics& result) {
  const Token& word = tokens_.peek();
  const auto function = function_named(word.text);
  if (!function) return tokens_.refuse(word.offset, fmt::format("{}() is not supported", word.text));
  tokens_.next();
  result.function = *function;
  return true;
}

bool MetricsParser::arguments(Metrics& result) {
  const std::string name(to_string(result.function));
  if (!tokens_.expect("(", "after " + name)) return false;
  if (result.function == MetricsFunction::Rate || result.function == MetricsFunction::CountOverTime) {
    return tokens_.expect(")", fmt::format("to close {}(", name));
  }
  const size_t offset = tokens_.peek().offset;
  FieldRef field;
  if (!expressions_.field(field)) return false;
  const auto type = type_of(field);
  if (type && !is_numeric(*type)) {
    return tokens_.refuse(offset, fmt::format("{}() is of numbers, this is {}", name, to_string(*type)));
  }
  result.field = std::move(field);
  if (result.function == MetricsFunction::QuantileOverTime && !quantiles(result)) return false;
  return tokens_.expect(")", fmt::format("to close {}(", name));
}

bool MetricsParser::quantiles(Metrics& result) {
  if (!tokens_.is_symbol(",")) return tokens_.expected("',' and a quantile like 0.9");
  while (tokens_.accept(",")) {
    const Token& token = tokens_.peek();
    const bool is_number =
        token.kind == TokenKind::Literal && is_numeric(token.literal.type) && token.literal.type != ValueType::Duration;
    const double quantile = is_number ? *to_double(token.literal) : -1;
    if (quantile < 0 || quantile > 1) return tokens_.expected("a quantile from 0 to 1");
    if (result.quantiles.size() == kQuantilesMax) {
      return tokens_.refuse(token.offset, fmt::format("more than {} quantiles", kQuantilesMax));
    }
    result.quantiles.push_back(quantile);
    tokens_.next();
  }
  return true;
}

bool MetricsParser::second_stage(Metrics& result, bool& is_one) {
  const auto op = binary_operator(tokens_.peek());
  const bool is_compared = op && op->op >= Operator::Equal && op->op <= Operator::GreaterEqual;
  const bool is_ranked = tokens_.is_symbol("|") && (tokens_.is_word("topk", 1) || tokens_.is_word("bottomk", 1));
  is_one = is_compared || is_ranked;
  if (!is_one) return true;
  if (!spend_node(budget_, tokens_)) return false;
  SecondStage& stage = result.second_stages.emplace_back();
  if (is_ranked) return ranking(stage);
  stage.kind = SecondStageKind::Compare;
  stage.op = op->op;
  return threshold(stage);
}

bool MetricsParser::ranking(SecondStage& stage) {
  tokens_.next();
  stage.kind = tokens_.is_word("topk") ? SecondStageKind::TopK : SecondStageKind::BottomK;
  const std::string name(tokens_.next().text);
  if (!tokens_.expect("(", "after " + name)) return false;
  const Token& token = tokens_.peek();
  const auto* limit = token.kind == TokenKind::Literal ? token.literal.value.as<int64_t>() : nullptr;
  if (limit == nullptr || token.literal.type != ValueType::Int || *limit < 1 || *limit > UINT32_MAX) {
    return tokens_.expected("how many series, at least 1");
  }
  stage.limit = static_cast<uint32_t>(*limit);
  tokens_.next();
  return tokens_.expect(")", fmt::format("to close {}(", name));
}

bool MetricsParser::threshold(SecondStage& stage) {
  const std::string op(tokens_.next().text);
  const bool is_negative = tokens_.accept("-");
  const Token& token = tokens_.peek();
  if (token.kind != TokenKind::Literal || !is_numeric(token.literal.type)) {
    return tokens_.expected(fmt::format("a number after '{}'", op));
  }
  stage.threshold = is_negative ? negate(token.literal) : token.literal;
  tokens_.next();
  return true;
}

}  // namespace backstitch::traceql
