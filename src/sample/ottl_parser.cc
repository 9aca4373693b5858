#include "sample/ottl_parser.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

#include "sample/ottl_build.h"
#include "sample/ottl_lexer.h"
#include "sample/ottl_paths.h"
#include "traceql/lexer.h"

namespace backstitch::sample {

using base::Errc;
using base::Result;

namespace {

constexpr uint32_t kNone = UINT32_MAX;

// Parsing functions return a node's index, or kNone with the first thing that was wrong noted.
class Parser {
 public:
  Parser(std::string_view text, std::vector<OttlToken> tokens, OttlContext context)
      : text_(text), tokens_(std::move(tokens)), builder_(context) {}

  Result<OttlTree> run() {
    const uint32_t root = disjunction();
    if (root != kNone && peek().kind != OttlTokenKind::End) {
      const std::string_view known = peek().kind == OttlTokenKind::Comparison
                                         ? "'and', 'or' or the end; conditions are "
                                           "not compared with each other"
                                         : "'and', 'or' or the end";
      expected(known);
    }
    if (!error_) return std::move(builder_).finish(root);
    const auto placed = traceql::fail_at(text_, error_offset_, error_->message);
    return base::fail(error_->code, placed.error().message);
  }

 private:
  const OttlToken& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const OttlToken& next() {
    const OttlToken& token = peek();
    if (token.kind != OttlTokenKind::End) ++at_;
    return token;
  }
  bool is_symbol(std::string_view symbol, size_t ahead = 0) const {
    return peek(ahead).kind == OttlTokenKind::Symbol && peek(ahead).text == symbol;
  }
  bool is_keyword(std::string_view word) const { return peek().kind == OttlTokenKind::Keyword && peek().text == word; }

  uint32_t refuse(size_t offset, base::Error error) {
    if (!error_) {
      error_ = std::move(error);
      error_offset_ = offset;
    }
    return kNone;
  }
  uint32_t refuse(size_t offset, std::string message) {
    return refuse(offset, base::Error{Errc::InvalidArgument, std::move(message)});
  }
  uint32_t unsupported(size_t offset, std::string message) {
    return refuse(offset, base::Error{Errc::Unsupported, std::move(message)});
  }
  uint32_t expected(std::string_view what) {
    const OttlToken& found = peek();
    if (found.kind == OttlTokenKind::End) return refuse(found.offset, fmt::format("expected {}, found the end", what));
    return refuse(found.offset, fmt::format("expected {}, found '{}'", what, found.text));
  }
  bool expect(std::string_view symbol, std::string_view where) {
    if (is_symbol(symbol)) {
      next();
      return true;
    }
    expected(fmt::format("'{}' {}", symbol, where));
    return false;
  }
  // What the builder made, or what was wrong with it, at `offset`.
  uint32_t made(size_t offset, Result<uint32_t> node) {
    if (node) return *node;
    return refuse(offset, std::move(node.error()));
  }

  // Counts parentheses and calls while it lives.
  class Depth {
   public:
    explicit Depth(Parser& parser) : parser_(parser) { ++parser_.depth_; }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;

   private:
    Parser& parser_;
  };
  bool is_too_deep() {
    if (depth_ <= kOttlNestingMax) return false;
    refuse(peek().offset, base::Error{Errc::TooLarge, fmt::format("nested more than {} deep", kOttlNestingMax)});
    return true;
  }

  uint32_t disjunction();
  uint32_t conjunction();
  uint32_t negation();
  uint32_t condition();
  uint32_t group();
  bool is_group_of_conditions() const;

  uint32_t value();
  uint32_t sum();
  uint32_t product();
  uint32_t operand();
  uint32_t plain_operand();
  uint32_t number(bool is_negative);
  uint32_t call();
  uint32_t path();
  bool path_keys(OttlPathPart& part);

  std::string_view text_;
  std::vector<OttlToken> tokens_;
  OttlBuilder builder_;
  size_t at_ = 0;
  size_t depth_ = 0;
  std::optional<base::Error> error_;
  size_t error_offset_ = 0;
};

// ---- conditions

// NOLINTNEXTLINE(misc-no-recursion): bounded by kOttlNestingMax
uint32_t Parser::disjunction() {
  std::vector<uint32_t> parts = {conjunction()};
  while (parts.back() != kNone && is_keyword("or")) {
    next();
    parts.push_back(conjunction());
  }
  return parts.back() == kNone ? kNone : builder_.any_of(std::move(parts));
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::conjunction() {
  std::vector<uint32_t> parts = {negation()};
  while (parts.back() != kNone && is_keyword("and")) {
    next();
    parts.push_back(negation());
  }
  return parts.back() == kNone ? kNone : builder_.all_of(std::move(parts));
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::negation() {
  if (!is_keyword("not")) return condition();
  next();
  if (is_keyword("not")) return refuse(peek().offset, "'not' twice; put the second into parentheses");
  const uint32_t part = condition();
  return part == kNone ? kNone : builder_.negation_of(part);
}

// At '(': whether it holds conditions, not numbers. What is compared or calculated with behind it is a number.
bool Parser::is_group_of_conditions() const {
  size_t depth = 0;
  for (size_t ahead = 0; peek(ahead).kind != OttlTokenKind::End; ++ahead) {
    if (is_symbol("(", ahead)) ++depth;
    if (is_symbol(")", ahead) && --depth == 0) {
      const OttlToken& behind = peek(ahead + 1);
      const bool is_calculated = behind.kind == OttlTokenKind::Symbol && behind.text.size() == 1 &&
                                 std::string_view("+-*/").find(behind.text) != std::string_view::npos;
      return behind.kind != OttlTokenKind::Comparison && !is_calculated;
    }
  }
  return true;
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::group() {
  const Depth depth(*this);
  if (is_too_deep()) return kNone;
  next();
  const uint32_t inner = disjunction();
  if (inner == kNone || !expect(")", "after the conditions")) return kNone;
  return inner;
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::condition() {
  if (is_symbol("(") && is_group_of_conditions()) return group();
  const size_t offset = peek().offset;
  const size_t first = at_;
  const uint32_t left = value();
  if (left == kNone) return kNone;
  if (peek().kind != OttlTokenKind::Comparison) {
    const bool is_plain_call = tokens_[first].kind == OttlTokenKind::Capital && builder_.is_call(left);
    if (is_plain_call || builder_.is_boolean_literal(left)) return left;
    const std::string text(text_.substr(offset, tokens_[at_ - 1].offset + tokens_[at_ - 1].text.size() - offset));
    return expected(fmt::format("a comparison (== != < <= > >=) after {}", text));
  }
  const OttlComparison comparison = ottl_comparison(next().text);
  const uint32_t right = value();
  if (right == kNone) return kNone;
  return builder_.comparison_of(left, comparison, right);
}

// ---- values

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::value() {
  const OttlToken& token = peek();
  switch (token.kind) {
    case OttlTokenKind::String:
      return builder_.literal(OttlValue::Kind::String, next().value);
    case OttlTokenKind::Bytes:
      return builder_.literal(OttlValue::Kind::Bytes, next().value);
    case OttlTokenKind::Keyword:
      if (token.text == "nil") return next(), builder_.literal(OttlValue{});
      if (token.text == "true" || token.text == "false") {
        return builder_.literal(OttlValue::of_bool(next().text == "true"));
      }
      return expected("a value");
    case OttlTokenKind::Capital: {
      if (is_symbol("(", 1)) return sum();
      const Result<int64_t> number = find_ottl_enum(token.text);
      if (!number) return refuse(token.offset, number.error());
      next();
      return builder_.literal(OttlValue::of_int(*number));
    }
    default:
      break;
  }
  if (is_symbol("[")) return unsupported(token.offset, "list literals are not supported here");
  if (is_symbol("{")) return unsupported(token.offset, "map literals are not supported here");
  return sum();
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::sum() {
  std::vector<uint32_t> parts = {product()};
  std::vector<OttlOperator> operators;
  while (parts.back() != kNone && (is_symbol("+") || is_symbol("-"))) {
    operators.push_back(next().text == "+" ? OttlOperator::Add : OttlOperator::Subtract);
    parts.push_back(product());
  }
  if (parts.back() == kNone) return kNone;
  return builder_.calculation(std::move(parts), std::move(operators));
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::product() {
  std::vector<uint32_t> parts = {operand()};
  std::vector<OttlOperator> operators;
  while (parts.back() != kNone && (is_symbol("*") || is_symbol("/"))) {
    operators.push_back(next().text == "*" ? OttlOperator::Multiply : OttlOperator::Divide);
    parts.push_back(operand());
  }
  if (parts.back() == kNone) return kNone;
  return builder_.calculation(std::move(parts), std::move(operators));
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::operand() {
  const bool is_negative = is_symbol("-");
  if (is_negative || is_symbol("+")) next();
  if (peek().kind == OttlTokenKind::Integer || peek().kind == OttlTokenKind::Float) return number(is_negative);
  const uint32_t part = plain_operand();
  return part == kNone || !is_negative ? part : builder_.minus(part);
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::plain_operand() {
  if (peek().kind == OttlTokenKind::Capital && is_symbol("(", 1)) return call();
  if (peek().kind == OttlTokenKind::Name) return path();
  if (!is_symbol("(")) return expected("a value");
  const Depth depth(*this);
  if (is_too_deep()) return kNone;
  next();
  if (is_symbol(")")) return unsupported(peek().offset, "lambdas are not supported here");
  const uint32_t inner = sum();
  if (inner == kNone || !expect(")", "after the value")) return kNone;
  return inner;
}

uint32_t Parser::number(bool is_negative) {
  const OttlToken& token = next();
  const char* begin = token.text.data();
  const char* end = begin + token.text.size();
  if (token.kind == OttlTokenKind::Float) {
    double real = 0;
    if (std::from_chars(begin, end, real).ec != std::errc()) {
      return refuse(token.offset, fmt::format("'{}' is too large for a double, or too small", token.text));
    }
    return builder_.literal(OttlValue::of_double(is_negative ? -real : real));
  }
  int64_t integer = 0;
  if (std::from_chars(begin, end, integer).ec != std::errc()) {
    return refuse(token.offset, fmt::format("'{}' is too large for 64 bits", token.text));
  }
  return builder_.literal(OttlValue::of_int(is_negative ? -integer : integer));
}

// NOLINTNEXTLINE(misc-no-recursion)
uint32_t Parser::call() {
  const Depth depth(*this);
  if (is_too_deep()) return kNone;
  const OttlToken& name = next();
  const Result<const OttlConverterInfo*> info = find_ottl_converter(builder_.context(), name.text);
  if (!info) return refuse(name.offset, info.error());
  next();  // (
  std::vector<OttlArgument> arguments;
  while (!is_symbol(")")) {
    if (!arguments.empty() && !expect(",", "or ')' after the argument")) return kNone;
    OttlArgument argument{.name = {}, .offset = peek().offset, .node = kNone};
    if (peek().kind == OttlTokenKind::Name && is_symbol("=", 1)) {
      argument.name = next().text;
      next();
    }
    argument.node = value();
    if (argument.node == kNone) return kNone;
    arguments.push_back(argument);
  }
  next();  // )
  if (is_symbol("[")) return unsupported(peek().offset, "what a converter gives has no keys here");
  size_t offset = name.offset;
  Result<uint32_t> node = builder_.call(**info, arguments, offset);
  return made(offset, std::move(node));
}

uint32_t Parser::path() {
  const size_t offset = peek().offset;
  if (is_symbol("(", 1)) {
    return refuse(offset, fmt::format("there is no converter '{}'; converters begin with a capital", peek().text));
  }
  std::vector<OttlPathPart> parts;
  while (true) {
    if (peek().kind != OttlTokenKind::Name) return expected("a path's part"), kNone;
    OttlPathPart part{.name = next().text, .keys = {}};
    if (!path_keys(part)) return kNone;
    parts.push_back(std::move(part));
    if (!is_symbol(".")) break;
    next();
  }
  Result<OttlPath> resolved = resolve_ottl_path(builder_.context(), parts);
  if (!resolved) return refuse(offset, std::move(resolved.error()));
  return builder_.path(std::move(*resolved));
}

bool Parser::path_keys(OttlPathPart& part) {
  while (is_symbol("[")) {
    next();
    if (peek().kind == OttlTokenKind::Integer && part.keys.empty()) {
      refuse(peek().offset, fmt::format("the keys of '{}' are texts: [\"…\"]", part.name));
      return false;
    }
    if (peek().kind != OttlTokenKind::String && peek().kind != OttlTokenKind::Integer) {
      unsupported(peek().offset, "a key that is no literal is not supported here");
      return false;
    }
    part.keys.push_back(next().value);
    if (!expect("]", "after the key")) return false;
  }
  return true;
}

}  // namespace

Result<OttlTree> parse_ottl(std::string_view text, OttlContext context) {
  Result<std::vector<OttlToken>> tokens = tokenize_ottl(text);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  return Parser(text, std::move(*tokens), context).run();
}

}  // namespace backstitch::sample
