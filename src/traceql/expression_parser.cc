#include "traceql/expression_parser.h"

#include <algorithm>
#include <fmt/format.h>

#include "traceql/arithmetic.h"
#include "traceql/compare.h"
#include "traceql/field_names.h"

namespace backstitch::traceql {
namespace {

constexpr int kLogical = 1;
constexpr int kComparing = 2;
constexpr int kAdding = 3;
constexpr int kMultiplying = 4;
constexpr int kPower = 5;

struct Keyword {
  std::string_view text;
  ValueType type;
  int64_t value;
};
constexpr Keyword kKeywords[] = {
    {"true", ValueType::Bool, 1},          {"false", ValueType::Bool, 0},         {"nil", ValueType::Nil, 0},
    {"unset", ValueType::Status, 0},       {"ok", ValueType::Status, 1},          {"error", ValueType::Status, 2},
    {"unspecified", ValueType::Kind, 0},   {"internal", ValueType::Kind, 1},      {"server", ValueType::Kind, 2},
    {"client", ValueType::Kind, 3},        {"producer", ValueType::Kind, 4},      {"consumer", ValueType::Kind, 5},
    {"minInt", ValueType::Int, INT64_MIN}, {"maxInt", ValueType::Int, INT64_MAX},
};

std::optional<TypedValue> keyword(std::string_view word) {
  for (const Keyword& known : kKeywords) {
    if (known.text != word) continue;
    if (known.type == ValueType::Nil) return TypedValue{};
    if (known.type == ValueType::Bool) return TypedValue::boolean(known.value == 1);
    return TypedValue{known.type, known.value};
  }
  return std::nullopt;
}

bool is_order(Operator op) { return op >= Operator::Less && op <= Operator::GreaterEqual; }

std::string_view describe(std::optional<ValueType> type) { return type ? to_string(*type) : "an attribute"; }

bool is_numeric_or_open(std::optional<ValueType> type) { return !type || is_numeric(*type); }

bool has_order(std::optional<ValueType> type) { return is_numeric_or_open(type) || *type == ValueType::String; }

// What arithmetic yields.
ValueType result_type(Operator op, std::optional<ValueType> left, std::optional<ValueType> right) {
  const auto sample = [](std::optional<ValueType> type) -> TypedValue {
    if (type == ValueType::Duration) return TypedValue::duration(model::Duration(1));
    return type == ValueType::Int ? TypedValue::integer(1) : TypedValue::real(1);
  };
  return calculate(op, sample(left), sample(right)).type;
}

std::optional<size_t> id_width(Intrinsic intrinsic) {
  switch (intrinsic) {
    case Intrinsic::SpanId:
    case Intrinsic::ParentId:
    case Intrinsic::Parent:
    case Intrinsic::LinkSpanId:
      return 16;
    case Intrinsic::TraceId:
    case Intrinsic::LinkTraceId:
      return 32;
    default:
      return std::nullopt;
  }
}

}  // namespace

bool spend_node(ParseBudget& budget, TokenStream& tokens) {
  if (budget.nodes++ < budget.nodes_max()) return true;
  return tokens.refuse(tokens.peek().offset, fmt::format("a query of more than {} parts", budget.nodes_max()));
}

bool refuse_nesting(const ParseBudget& budget, TokenStream& tokens) {
  return tokens.refuse(tokens.peek().offset, fmt::format("nested more than {} deep", budget.nesting_max()));
}

std::optional<BinaryOperator> binary_operator(const Token& token) {
  struct Known {
    std::string_view text;
    BinaryOperator meaning;
  };
  static constexpr Known known[] = {
      {"&&", {Operator::And, kLogical}},         {"||", {Operator::Or, kLogical}},
      {"=", {Operator::Equal, kComparing}},      {"!=", {Operator::NotEqual, kComparing}},
      {"<", {Operator::Less, kComparing}},       {"<=", {Operator::LessEqual, kComparing}},
      {">", {Operator::Greater, kComparing}},    {">=", {Operator::GreaterEqual, kComparing}},
      {"=~", {Operator::Match, kComparing}},     {"!~", {Operator::NotMatch, kComparing}},
      {"+", {Operator::Add, kAdding}},           {"-", {Operator::Subtract, kAdding}},
      {"*", {Operator::Multiply, kMultiplying}}, {"/", {Operator::Divide, kMultiplying}},
      {"%", {Operator::Modulo, kMultiplying}},   {"^", {Operator::Power, kPower}},
  };
  if (token.kind != TokenKind::Symbol) return std::nullopt;
  const auto found = std::ranges::find(known, token.text, &Known::text);
  if (found == std::end(known)) return std::nullopt;
  return found->meaning;
}

bool ExpressionParser::filter(NodeId& result) {
  if (!expression(kLogical)) return false;
  result = root();
  const Type type = types_[result];
  const bool is_attribute = query_.expressions[result].kind == ExpressionKind::Field && !type;
  if (type == ValueType::Bool || is_attribute) return true;
  return tokens_.refuse(offsets_[query_.expressions[result].first],
                        fmt::format("a filter is a boolean, this is {}", describe(type)));
}

bool ExpressionParser::everything(NodeId& result) {
  result = static_cast<NodeId>(query_.expressions.size());
  return push({.kind = ExpressionKind::Literal, .first = result, .literal = TypedValue::boolean(true)}, ValueType::Bool,
              tokens_.peek().offset);
}

bool ExpressionParser::aggregated(NodeId& result) {
  const size_t start = tokens_.peek().offset;
  if (!expression(kLogical)) return false;
  result = root();
  if (!is_numeric_or_open(types_[result])) {
    return tokens_.refuse(start, fmt::format("an aggregate is of numbers, this is {}", describe(types_[result])));
  }
  return has_field(result) || tokens_.refuse(start, "an aggregate is of a field, here is none");
}

bool ExpressionParser::grouped(NodeId& result) {
  const size_t start = tokens_.peek().offset;
  if (!expression(kLogical)) return false;
  result = root();
  if (is_nil(result)) return tokens_.refuse(start, "nil goes with = and != only");
  return has_field(result) || tokens_.refuse(start, "by() is of a field, here is none");
}

bool ExpressionParser::field(FieldRef& result) {
  const Token& token = tokens_.peek();
  if (token.kind == TokenKind::Field) {
    result = tokens_.next().field;
    return true;
  }
  const auto intrinsic = intrinsic_of(token);
  if (!intrinsic) return tokens_.expected("a field");
  tokens_.next();
  result = FieldRef::of(*intrinsic);
  return true;
}

bool ExpressionParser::fields(std::vector<FieldRef>& result, size_t count_max) {
  do {
    const size_t start = tokens_.peek().offset;
    FieldRef one;
    if (!field(one) || !spend_node(budget_, tokens_)) return false;
    if (result.size() == count_max) return tokens_.refuse(start, fmt::format("more than {} fields", count_max));
    result.push_back(std::move(one));
  } while (tokens_.accept(","));
  return tokens_.expect(")", "or ',' after the field");
}

bool ExpressionParser::is_nil(NodeId id) const {
  return query_.expressions[id].kind == ExpressionKind::Literal && types_[id] == ValueType::Nil;
}

bool ExpressionParser::has_field(NodeId id) const {
  const auto begin = query_.expressions.begin();
  return std::any_of(begin + query_.expressions[id].first, begin + id + 1,
                     [](const ExpressionNode& node) { return node.kind == ExpressionKind::Field; });
}

bool ExpressionParser::push(ExpressionNode node, Type type, size_t offset) {
  if (!spend_node(budget_, tokens_)) return false;
  query_.expressions.push_back(std::move(node));
  types_.push_back(type);
  offsets_.push_back(offset);
  return true;
}

// Precedence climbing: the depth of recursion is that of parentheses, unary operators and powers, times a few levels.
bool ExpressionParser::expression(int precedence_min) {
  if (!operand()) return false;
  while (true) {
    const auto found = binary_operator(tokens_.peek());
    if (!found || found->precedence < precedence_min) return true;
    const Token op_token = tokens_.next();
    if (found->op == Operator::Power ? !power_side() : !expression(found->precedence + 1)) return false;
    if (!binary(op_token, found->op)) return false;
  }
}

// ^ binds from the right.
bool ExpressionParser::power_side() {
  const Nested nested(budget_);
  return nested.is_within() ? expression(kPower) : refuse_nesting(budget_, tokens_);
}

bool ExpressionParser::operand() {
  const Token& token = tokens_.peek();
  const auto id = static_cast<NodeId>(query_.expressions.size());
  if (tokens_.is_symbol("(")) return parenthesised();
  if (tokens_.is_symbol("-")) return unary(Operator::Negate);
  if (tokens_.is_symbol("!")) return unary(Operator::Not);
  const auto push_literal = [&](TypedValue value) {
    const ValueType type = value.type;
    tokens_.next();
    return push({.kind = ExpressionKind::Literal, .first = id, .literal = std::move(value)}, type, token.offset);
  };
  if (token.kind == TokenKind::Literal) return push_literal(token.literal);
  if (token.kind == TokenKind::Word) {
    if (auto value = keyword(token.text)) return push_literal(std::move(*value));
  }
  if (budget_.dialect == Dialect::BetweenNodes && tokens_.is_word("text")) return text_of_field();
  const bool is_field = token.kind == TokenKind::Field || intrinsic_of(token);
  if (!is_field) return tokens_.expected("a field or a value");
  FieldRef read;
  if (!field(read)) return false;
  const Type type = type_of(read);
  return push({.kind = ExpressionKind::Field, .first = id, .field = std::move(read)}, type, token.offset);
}

std::optional<Intrinsic> ExpressionParser::intrinsic_of(const Token& token) const {
  if (token.kind != TokenKind::Word) return std::nullopt;
  if (budget_.dialect == Dialect::BetweenNodes && token.text == name_of(Intrinsic::Service)) return Intrinsic::Service;
  return intrinsic_named(token.text);
}

// `text(tag.n) = "7"`, whole: a comparison by text.
bool ExpressionParser::text_of_field() {
  const size_t offset = tokens_.next().offset;
  const auto left = static_cast<NodeId>(query_.expressions.size());
  FieldRef compared;
  if (!tokens_.expect("(", "after text") || !field(compared) || !tokens_.expect(")", "after the field")) return false;
  const auto found = binary_operator(tokens_.peek());
  if (!found || !is_comparison(found->op) || found->op == Operator::Match || found->op == Operator::NotMatch) {
    return tokens_.expected("a comparison after text()");
  }
  tokens_.next();
  const Token& text = tokens_.peek();
  if (text.kind != TokenKind::Literal || text.literal.type != ValueType::String) {
    return tokens_.expected("a text in quotes");
  }
  const size_t text_offset = text.offset;
  TypedValue literal = tokens_.next().literal;
  const Type type = type_of(compared);
  return push({.kind = ExpressionKind::Field, .first = left, .field = std::move(compared)}, type, offset) &&
         push({.kind = ExpressionKind::Literal, .first = left + 1, .literal = std::move(literal)}, ValueType::String,
              text_offset) &&
         push({.kind = ExpressionKind::Binary,
               .op = found->op,
               .as_text = true,
               .left = left,
               .right = left + 1,
               .first = left},
              ValueType::Bool, offset);
}

bool ExpressionParser::parenthesised() {
  const Nested nested(budget_);
  if (!nested.is_within()) return refuse_nesting(budget_, tokens_);
  tokens_.next();
  return expression(kLogical) && tokens_.expect(")", "or an operator");
}

// - binds like the binary one, ! a little tighter: both take products and powers with them. A minus before a number is
// the number's own.
bool ExpressionParser::unary(Operator op) {
  const Nested nested(budget_);
  if (!nested.is_within()) return refuse_nesting(budget_, tokens_);
  const size_t offset = tokens_.next().offset;
  if (!expression(kMultiplying)) return false;
  const NodeId operand = root();
  const Type type = types_[operand];
  ExpressionNode& node = query_.expressions[operand];
  if (op == Operator::Not && type && type != ValueType::Bool) {
    return tokens_.refuse(offset, fmt::format("'!' takes a boolean, not {}", describe(type)));
  }
  if (op == Operator::Negate && !is_numeric_or_open(type)) {
    return tokens_.refuse(offset, fmt::format("'-' takes a number, not {}", describe(type)));
  }
  if (op == Operator::Negate && node.kind == ExpressionKind::Literal) {
    node.literal = negate(node.literal);
    offsets_[operand] = offset;
    return true;
  }
  const NodeId first = node.first;
  return push({.kind = ExpressionKind::Unary, .op = op, .left = operand, .first = first},
              op == Operator::Not ? Type(ValueType::Bool) : Type(type.value_or(ValueType::Float)), offset);
}

// The two operands are the last two subtrees.
bool ExpressionParser::binary(const Token& op_token, Operator op) {
  const bool is_left_nil = is_nil(left_of(root()));
  if (is_left_nil || is_nil(root())) return compare_nil(op_token, op, is_left_nil);
  if (!check_types(op_token, op)) return false;
  if (is_comparison(op)) {
    put_literal_right(op);
    if (op == Operator::Equal || op == Operator::NotEqual) normalize_id();
  }
  const NodeId right = root();
  const NodeId left = left_of(right);
  const Type type = is_arithmetic(op) ? Type(result_type(op, types_[left], types_[right])) : Type(ValueType::Bool);
  return push(
      {.kind = ExpressionKind::Binary, .op = op, .left = left, .right = right, .first = query_.expressions[left].first},
      type, offsets_[query_.expressions[left].first]);
}

bool ExpressionParser::compare_nil(const Token& op_token, Operator op, bool is_left_nil) {
  if (op != Operator::Equal && op != Operator::NotEqual) {
    return tokens_.refuse(op_token.offset, fmt::format("nil goes with = and != only, not '{}'", op_token.text));
  }
  const ExpressionNode& other = query_.expressions[is_left_nil ? root() : left_of(root())];
  if (other.kind == ExpressionKind::Literal) return tokens_.refuse(op_token.offset, "nil compared with a literal");
  if (is_left_nil) put_literal_right(op);
  query_.expressions.pop_back();
  types_.pop_back();
  offsets_.pop_back();
  const NodeId operand = root();
  const NodeId first = query_.expressions[operand].first;
  return push({.kind = ExpressionKind::Unary,
               .op = op == Operator::Equal ? Operator::Absent : Operator::Exists,
               .left = operand,
               .first = first},
              ValueType::Bool, offsets_[first]);
}

bool ExpressionParser::check_types(const Token& op_token, Operator op) {
  const Type left = types_[left_of(root())];
  const Type right = types_[root()];
  const auto refuse = [&](std::string_view what) {
    return tokens_.refuse(op_token.offset,
                          fmt::format("'{}' {}, not {} and {}", op_token.text, what, describe(left), describe(right)));
  };
  const auto is_boolean = [&](NodeId id) {
    const bool is_open = query_.expressions[id].kind == ExpressionKind::Field && !types_[id];
    return types_[id] == ValueType::Bool || is_open;
  };
  if (op == Operator::And || op == Operator::Or) {
    return (is_boolean(left_of(root())) && is_boolean(root())) || refuse("joins booleans");
  }
  if (op == Operator::Match || op == Operator::NotMatch) return check_pattern(op_token);
  if (is_arithmetic(op)) return (is_numeric_or_open(left) && is_numeric_or_open(right)) || refuse("takes numbers");
  if (is_order(op) && (!has_order(left) || !has_order(right))) return refuse("takes numbers or strings");
  const bool is_same = !left || !right || left == right || (is_numeric(*left) && is_numeric(*right));
  return is_same || refuse("compares what is of one type");
}

bool ExpressionParser::check_pattern(const Token& op_token) {
  const Type left = types_[left_of(root())];
  const ExpressionNode& right = query_.expressions[root()];
  const auto* pattern = right.kind == ExpressionKind::Literal ? right.literal.value.as<std::string>() : nullptr;
  if (pattern == nullptr) {
    return tokens_.refuse(offsets_[right.first], fmt::format("expected a pattern in quotes after '{}'", op_token.text));
  }
  if (left && left != ValueType::String) {
    return tokens_.refuse(op_token.offset, fmt::format("'{}' takes strings, not {}", op_token.text, describe(left)));
  }
  const auto compiled = Pattern::compile(*pattern);
  return compiled || tokens_.refuse(offsets_[right.first], compiled.error().message);
}

// `1 < .a` becomes `.a > 1`: evaluators look for literals on the right only.
void ExpressionParser::put_literal_right(Operator& op) {
  const NodeId right = root();
  const NodeId left = left_of(right);
  auto& nodes = query_.expressions;
  if (nodes[left].kind != ExpressionKind::Literal || nodes[right].kind == ExpressionKind::Literal) return;
  if (op == Operator::Match || op == Operator::NotMatch) return;
  op = flipped(op);
  std::rotate(nodes.begin() + left, nodes.begin() + left + 1, nodes.end());
  std::rotate(types_.begin() + left, types_.begin() + left + 1, types_.end());
  std::rotate(offsets_.begin() + left, offsets_.begin() + left + 1, offsets_.end());
  for (NodeId id = left; id < right; ++id) {
    --nodes[id].first;
    if (nodes[id].kind == ExpressionKind::Unary || nodes[id].kind == ExpressionKind::Binary) --nodes[id].left;
    if (nodes[id].kind == ExpressionKind::Binary) --nodes[id].right;
  }
  nodes[right].first = right;
}

// Ids are compared as lower-case hex with all their zeros, however they were written.
void ExpressionParser::normalize_id() {
  const ExpressionNode& left = query_.expressions[left_of(root())];
  ExpressionNode& right = query_.expressions[root()];
  const auto width = left.kind == ExpressionKind::Field ? id_width(left.field.intrinsic) : std::nullopt;
  const auto* text = right.kind == ExpressionKind::Literal ? right.literal.value.as<std::string>() : nullptr;
  if (!width || text == nullptr || text->empty() || text->size() > *width) return;
  if (text->find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return;
  std::string id(*width - text->size(), '0');
  for (const char c : *text) id += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  right.literal = TypedValue::text(std::move(id));
}

}  // namespace backstitch::traceql
