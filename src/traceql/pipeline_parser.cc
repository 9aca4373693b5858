#include "traceql/pipeline_parser.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "traceql/arithmetic.h"

namespace backstitch::traceql {
namespace {

constexpr int kLogical = 1;
constexpr int kComparing = 2;
constexpr int kPower = 5;

struct Joining {
  SpansetOperator op;
  SpansetMode mode;
};

std::optional<Joining> spanset_operator(const Token& token) {
  using enum SpansetOperator;
  if (token.kind != TokenKind::Symbol) return std::nullopt;
  for (const SpansetOperator op : {And, Or, Descendant, Child, Ancestor, Parent, Sibling}) {
    for (const SpansetMode mode : {SpansetMode::Plain, SpansetMode::Negated, SpansetMode::Union}) {
      if (token.text == to_string(op, mode)) return Joining{op, mode};
    }
  }
  return std::nullopt;
}

std::optional<Aggregate> aggregate_named(const Token& token) {
  using enum Aggregate;
  if (token.kind != TokenKind::Word) return std::nullopt;
  for (const Aggregate aggregate : {Count, Avg, Min, Max, Sum}) {
    if (token.text == to_string(aggregate)) return aggregate;
  }
  return std::nullopt;
}

bool is_numeric_literal(const Token& token) {
  return token.kind == TokenKind::Literal && is_numeric(token.literal.type);
}

// Nodes numbered from 0, moved behind others: in a list where they begin at `base`.
template <typename Node>
void renumber(std::vector<Node>& nodes, size_t base) {
  for (Node& node : nodes) {
    node.first += static_cast<NodeId>(base);
    if (node.kind != decltype(node.kind)::Pipeline && node.left != node.right) {
      node.left += static_cast<NodeId>(base);
      node.right += static_cast<NodeId>(base);
    }
  }
}

template <typename Node>
void move_behind(std::vector<Node>& nodes, std::vector<Node> added) {
  renumber(added, nodes.size());
  nodes.insert(nodes.end(), std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()));
}

}  // namespace

bool is_metrics_word(const Token& token) {
  constexpr std::array<std::string_view, 9> words = {
      "rate",          "count_over_time",    "min_over_time",       "max_over_time", "avg_over_time",
      "sum_over_time", "quantile_over_time", "histogram_over_time", "compare"};
  return token.kind == TokenKind::Word && std::ranges::find(words, token.text) != words.end();
}

bool PipelineParser::main() {
  const size_t start = tokens_.peek().offset;
  Draft draft;
  if (!pipeline(draft)) return false;
  if (draft.stages.back().kind == StageKind::Scalar) {
    return tokens_.peek().kind == TokenKind::End
               ? tokens_.refuse(start, "an aggregate must be compared, as in count() > 2")
               : tokens_.expected("a comparison after the aggregate");
  }
  if (!spend_stages(draft, start)) return false;
  append(std::move(draft));
  return true;
}

bool PipelineParser::spend_stages(const Draft& draft, size_t offset) {
  budget_.stages += draft.stages.size();
  if (budget_.stages <= kStagesMax) return true;
  return tokens_.refuse(offset, fmt::format("more than {} stages", kStagesMax));
}

bool PipelineParser::pipeline(Draft& draft) {
  while (true) {
    if (!stage(draft)) return false;
    if (!tokens_.is_symbol("|") || is_metrics_word(tokens_.peek(1))) return true;
    if (draft.stages.back().kind == StageKind::Scalar) return tokens_.expected("a comparison after the aggregate");
    tokens_.next();
  }
}

bool PipelineParser::stage(Draft& draft) {
  if (!spend_node(budget_, tokens_)) return false;
  Stage& added = draft.stages.emplace_back();
  Part& part = draft.parts.emplace_back();
  if (tokens_.is_word("by") && tokens_.is_symbol("(", 1)) return by(added);
  if (tokens_.is_word("select") && tokens_.is_symbol("(", 1)) return select(added);
  if (tokens_.is_word("coalesce")) {
    if (draft.stages.size() == 1) return tokens_.refuse(tokens_.peek().offset, "coalesce() has nothing before it");
    tokens_.next();
    added.kind = StageKind::Coalesce;
    return tokens_.expect("(", "after coalesce") && tokens_.expect(")", "after 'coalesce('");
  }
  if (!expression(kLogical, part)) return false;
  if (part.kind == Kind::Scalar) added.kind = StageKind::Scalar;
  if (part.kind == Kind::Condition) added.kind = StageKind::ScalarFilter;
  return true;
}

bool PipelineParser::by(Stage& stage) {
  stage.kind = StageKind::By;
  tokens_.next();
  tokens_.next();
  return expressions_.grouped(stage.expression) && tokens_.expect(")", "after the field");
}

bool PipelineParser::select(Stage& stage) {
  stage.kind = StageKind::Select;
  tokens_.next();
  tokens_.next();
  return expressions_.fields(stage.selected, kSelectMax);
}

// Precedence climbing, as for expressions; what `>` means depends on what stands to its left.
bool PipelineParser::expression(int precedence_min, Part& part) {
  if (!operand(part)) return false;
  while (true) {
    const Token op_token = tokens_.peek();
    const auto scalar_op = binary_operator(op_token);
    const auto spanset_op = spanset_operator(op_token);
    if (part.kind == Kind::Condition || (!scalar_op && !spanset_op)) return true;
    const bool is_logical = scalar_op && scalar_op->precedence == kLogical;
    if (part.kind == Kind::Spansets && !spanset_op) return true;
    if (part.kind == Kind::Scalar && (!scalar_op || is_logical)) return true;
    const int precedence = part.kind == Kind::Scalar ? scalar_op->precedence : is_logical ? kLogical : kComparing;
    if (precedence < precedence_min) return true;
    tokens_.next();
    Part right;
    const bool is_power = precedence == kPower;
    const Nested nested(budget_);
    if (!nested.is_within()) return refuse_nesting(budget_, tokens_);
    if (!expression(is_power ? kPower : precedence + 1, right)) return false;
    if (!join(op_token, part, std::move(right))) return false;
  }
}

bool PipelineParser::operand(Part& part) {
  if (tokens_.is_symbol("{")) return filter(part);
  if (tokens_.is_symbol("(")) return parenthesised(part);
  if (aggregate_named(tokens_.peek())) return aggregate(part);
  const bool is_negative = tokens_.is_symbol("-") && is_numeric_literal(tokens_.peek(1));
  if (is_negative || is_numeric_literal(tokens_.peek())) return number(part);
  if (is_metrics_word(tokens_.peek())) return tokens_.expected("a spanset like { } before the metrics function");
  return tokens_.expected("'{', an aggregate, by(), select(), coalesce() or '('");
}

bool PipelineParser::filter(Part& part) {
  tokens_.next();
  if (!spend_node(budget_, tokens_)) return false;
  SpansetNode node{.kind = SpansetKind::Filter};
  if (tokens_.is_symbol("}")) {
    if (!expressions_.everything(node.expression)) return false;
  } else if (!expressions_.filter(node.expression)) {
    return false;
  }
  if (!tokens_.expect("}", "or an operator")) return false;
  part.kind = Kind::Spansets;
  part.spansets.push_back(node);
  return true;
}

bool PipelineParser::aggregate(Part& part) {
  ScalarNode node{.kind = ScalarKind::Aggregate, .aggregate = *aggregate_named(tokens_.peek())};
  const std::string name(tokens_.next().text);
  if (!spend_node(budget_, tokens_) || !tokens_.expect("(", "after " + name)) return false;
  if (node.aggregate != Aggregate::Count && !expressions_.aggregated(node.expression)) return false;
  part.kind = Kind::Scalar;
  part.has_aggregate = true;
  part.scalars.push_back(std::move(node));
  return tokens_.expect(")", fmt::format("to close {}(", name));
}

bool PipelineParser::number(Part& part) {
  if (!spend_node(budget_, tokens_)) return false;
  const bool is_negative = tokens_.accept("-");
  TypedValue value = tokens_.next().literal;
  part.kind = Kind::Scalar;
  part.scalars.push_back({.kind = ScalarKind::Literal, .literal = is_negative ? negate(value) : std::move(value)});
  return true;
}

// Parentheses hold a whole pipeline. One of a spanset expression, or of a scalar, means no more than what it holds.
bool PipelineParser::parenthesised(Part& part) {
  const Nested nested(budget_);
  if (!nested.is_within()) return refuse_nesting(budget_, tokens_);
  const size_t start = tokens_.next().offset;
  Draft draft;
  if (!pipeline(draft)) return false;
  if (tokens_.is_symbol("|") && is_metrics_word(tokens_.peek(1))) {
    return tokens_.refuse(tokens_.peek(1).offset,
                          "metrics in parentheses, and arithmetic between metrics, are not supported");
  }
  if (!tokens_.expect(")", "or '|'")) return false;
  const StageKind last = draft.stages.back().kind;
  if (draft.stages.size() == 1 && (last == StageKind::Spansets || last == StageKind::Scalar)) {
    part = std::move(draft.parts.back());
    return true;
  }
  if (!spend_node(budget_, tokens_) || !spend_stages(draft, start)) return false;
  if (last != StageKind::Scalar) {
    part.kind = Kind::Spansets;
    part.spansets.push_back({.kind = SpansetKind::Pipeline, .pipeline = append(std::move(draft))});
    return true;
  }
  if (!check_scalar_pipeline(draft, start)) return false;
  part.kind = Kind::Scalar;
  part.has_aggregate = true;
  part.scalars.push_back({.kind = ScalarKind::Pipeline, .pipeline = append(std::move(draft))});
  return true;
}

bool PipelineParser::check_scalar_pipeline(const Draft& draft, size_t offset) {
  const bool has_groups = std::ranges::any_of(draft.stages, [](const Stage& one) { return one.kind == StageKind::By; });
  if (has_groups) return tokens_.refuse(offset, "by() in a pipeline whose aggregate is compared is not supported");
  return draft.parts.back().has_aggregate || tokens_.refuse(offset, "a pipeline that ends in a number");
}

bool PipelineParser::join(const Token& op_token, Part& left, Part right) {
  if (!spend_node(budget_, tokens_)) return false;
  if (left.kind == Kind::Scalar) {
    if (right.kind != Kind::Scalar) {
      return tokens_.refuse(op_token.offset, fmt::format("'{}' takes a number on its right", op_token.text));
    }
    const Operator op = binary_operator(op_token)->op;
    return is_arithmetic(op) ? calculate(op, left, std::move(right)) : compare(op_token, op, left, std::move(right));
  }
  if (right.kind != Kind::Spansets) {
    return tokens_.refuse(op_token.offset, fmt::format("'{}' takes a spanset like {{ }} on its right", op_token.text));
  }
  const Joining joining = *spanset_operator(op_token);
  const auto left_root = static_cast<NodeId>(left.spansets.size() - 1);
  const NodeId first = left.spansets.back().first;
  move_behind(left.spansets, std::move(right.spansets));
  const auto right_root = static_cast<NodeId>(left.spansets.size() - 1);
  left.spansets.push_back({.kind = SpansetKind::Operation,
                           .op = joining.op,
                           .mode = joining.mode,
                           .left = left_root,
                           .right = right_root,
                           .first = first});
  return true;
}

bool PipelineParser::calculate(Operator op, Part& left, Part right) {
  const auto left_root = static_cast<NodeId>(left.scalars.size() - 1);
  const NodeId first = left.scalars.back().first;
  move_behind(left.scalars, std::move(right.scalars));
  const auto right_root = static_cast<NodeId>(left.scalars.size() - 1);
  left.scalars.push_back(
      {.kind = ScalarKind::Arithmetic, .op = op, .left = left_root, .right = right_root, .first = first});
  left.has_aggregate = left.has_aggregate || right.has_aggregate;
  return true;
}

bool PipelineParser::compare(const Token& op_token, Operator op, Part& left, Part right) {
  if (op == Operator::Match || op == Operator::NotMatch) {
    return tokens_.refuse(op_token.offset, fmt::format("'{}' takes strings, not numbers", op_token.text));
  }
  if (!left.has_aggregate && !right.has_aggregate) {
    return tokens_.refuse(op_token.offset, "a comparison without an aggregate");
  }
  left.kind = Kind::Condition;
  left.op = op;
  left.left = static_cast<NodeId>(left.scalars.size() - 1);
  move_behind(left.scalars, std::move(right.scalars));
  return true;
}

NodeId PipelineParser::append(Draft draft) {
  for (size_t i = 0; i < draft.stages.size(); ++i) place(std::move(draft.parts[i]), draft.stages[i]);
  query_.pipelines.push_back({.stages = std::move(draft.stages)});
  return static_cast<NodeId>(query_.pipelines.size() - 1);
}

void PipelineParser::place(Part part, Stage& stage) {
  if (stage.kind == StageKind::Spansets) {
    move_behind(query_.spansets, std::move(part.spansets));
    stage.spansets = static_cast<NodeId>(query_.spansets.size() - 1);
  } else if (stage.kind == StageKind::Scalar || stage.kind == StageKind::ScalarFilter) {
    const auto base = static_cast<NodeId>(query_.scalars.size());
    move_behind(query_.scalars, std::move(part.scalars));
    const auto last = static_cast<NodeId>(query_.scalars.size() - 1);
    stage.op = part.op;
    stage.left = stage.kind == StageKind::Scalar ? last : base + part.left;
    stage.right = stage.kind == StageKind::Scalar ? 0 : last;
  }
}

}  // namespace backstitch::traceql
