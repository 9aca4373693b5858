#include "traceql/lexer.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>

#include "base/utf8.h"
#include "traceql/field_names.h"

namespace backstitch::traceql {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word_char(char c) { return is_word_start(c) || is_digit(c); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The longest first.
constexpr std::string_view kSymbols[] = {"&<<", "&>>", "!<<", "!>>", "&&", "||", "&>", "&<", "&~", "!>", "!<", "!=",
                                         "!~",  "=~",  ">>",  "<<",  ">=", "<=", "{",  "}",  "(",  ")",  ",",  "|",
                                         "=",   ">",   "<",   "!",   "~",  "+",  "-",  "*",  "/",  "%",  "^"};

struct Unit {
  std::string_view name;
  uint64_t nanos;
};
constexpr uint64_t kDay = 86'400'000'000'000;
constexpr Unit kUnits[] = {{"ns", 1},         {"us", 1'000},        {"µs", 1'000},         {"μs", 1'000},
                           {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000},
                           {"d", kDay},       {"w", 7 * kDay},      {"y", 365 * kDay}};

// What a backslash and this letter stand for; 0 where nothing.
char simple_escape(char c) {
  constexpr std::string_view from = "abfnrtv\\\"'";
  constexpr std::string_view to = "\a\b\f\n\r\t\v\\\"'";
  const size_t at = from.find(c);
  return at == std::string_view::npos ? '\0' : to[at];
}

// A false return of any function leaves message_ and message_offset_.
class Lexer {
 public:
  Lexer(std::string_view text, Dialect dialect) : text_(text), dialect_(dialect) {}

  base::Result<std::vector<Token>> run() {
    while (true) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      Token token{.offset = at_};
      if (at_ == text_.size()) {
        tokens_.push_back(token);
        return std::move(tokens_);
      }
      if (!read(token)) return fail_at(text_, message_offset_, message_);
      token.text = text_.substr(token.offset, at_ - token.offset);
      tokens_.push_back(std::move(token));
    }
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool refuse(size_t offset, std::string message) {
    message_offset_ = offset;
    message_ = std::move(message);
    return false;
  }

  bool read(Token& token) {
    const char c = peek();
    if (c == '"') return quoted_string(token);
    if (c == '`') return raw_string(token);
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(token);
    if (c == '.') {
      ++at_;
      return attribute(token, Scope::Any, false);
    }
    if (is_word_start(c)) return word(token);
    return symbol(token);
  }

  bool symbol(Token& token) {
    const std::string_view rest = text_.substr(at_);
    const auto found =
        std::ranges::find_if(kSymbols, [rest](std::string_view known) { return rest.starts_with(known); });
    if (found == std::end(kSymbols)) return refuse(at_, fmt::format("'{}' means nothing here", character()));
    token.kind = TokenKind::Symbol;
    at_ += found->size();
    return true;
  }

  // The whole UTF-8 sequence at at_.
  std::string_view character() const {
    size_t size = 1;
    while (at_ + size < text_.size() && (static_cast<unsigned char>(text_[at_ + size]) & 0xc0) == 0x80) ++size;
    return text_.substr(at_, size);
  }

  std::optional<Scope> scope_of(std::string_view word) const {
    if (dialect_ == Dialect::BetweenNodes && word == "tag") return Scope::Tag;
    return scope_named(word);
  }

  std::string_view word_text() {
    const size_t start = at_;
    while (is_word_char(peek())) ++at_;
    return text_.substr(start, at_ - start);
  }

  bool word(Token& token) {
    const std::string_view name = word_text();
    if (peek() == ':' && is_word_start(peek(1))) {
      ++at_;
      word_text();
    } else if (peek() == '.' && name == "parent") {
      ++at_;
      return parent_attribute(token);
    } else if (const auto scope = scope_of(name); peek() == '.' && scope) {
      ++at_;
      return attribute(token, *scope, false);
    }
    token.kind = TokenKind::Word;
    return true;
  }

  bool parent_attribute(Token& token) {
    for (const Scope scope : {Scope::Span, Scope::Resource}) {
      if (!text_.substr(at_).starts_with(prefix_of(scope))) continue;
      at_ += prefix_of(scope).size();
      return attribute(token, scope, true);
    }
    return attribute(token, Scope::Any, true);
  }

  // Parts in quotes and without, in any order, make one name: attribute."name with space".
  bool attribute(Token& token, Scope scope, bool of_parent) {
    token.kind = TokenKind::Field;
    token.field = FieldRef::attribute(scope, "");
    token.field.of_parent = of_parent;
    const size_t start = at_;
    while (true) {
      if (peek() == '"') {
        if (!quoted_name(token.field.key)) return false;
      } else if (at_ < text_.size() && is_attribute_char(peek())) {
        token.field.key += text_[at_++];
      } else {
        break;
      }
    }
    if (at_ != start) return true;
    return refuse(
        start, fmt::format("expected an attribute name after '{}'", text_.substr(token.offset, start - token.offset)));
  }

  bool quoted_name(std::string& key) {
    const size_t start = at_++;
    for (; at_ < text_.size(); ++at_) {
      if (peek() == '"') {
        ++at_;
        return true;
      }
      if (peek() == '\\') {
        ++at_;
        if (peek() != '"' && peek() != '\\') return refuse(at_ - 1, "only \\\" and \\\\ are escapes in a name");
      }
      key += text_[at_];
    }
    return refuse(start, "a quote is not closed");
  }

  bool raw_string(Token& token) {
    const size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return refuse(at_, "a quote is not closed");
    token.kind = TokenKind::Literal;
    token.literal = TypedValue::text(std::string(text_.substr(at_ + 1, end - at_ - 1)));
    at_ = end + 1;
    return true;
  }

  bool quoted_string(Token& token) {
    std::string value;
    for (++at_; at_ < text_.size() && peek() != '\n';) {
      if (peek() == '"') {
        ++at_;
        token.kind = TokenKind::Literal;
        token.literal = TypedValue::text(std::move(value));
        return true;
      }
      if (peek() != '\\') {
        value += text_[at_++];
      } else if (!escape(value)) {
        return false;
      }
    }
    return refuse(token.offset, "a quote is not closed");
  }

  bool escape(std::string& value) {
    const size_t start = at_++;
    const char c = peek();
    if (const char simple = simple_escape(c); simple != '\0') {
      ++at_;
      value += simple;
      return true;
    }
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const std::string_view hex = digits == 0 ? "" : text_.substr(at_, digits + 1).substr(1);
    uint32_t code = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (digits == 0 || hex.size() != digits || error != std::errc() || end != hex.data() + hex.size() ||
        code > 0x10ffff || (is_surrogate && digits != 2)) {
      return refuse(start, "no escape that is known here: \\n \\t \\r \\\" \\\\ \\xNN \\uNNNN");
    }
    at_ += digits + 1;
    if (digits == 2) {
      value += static_cast<char>(code);
    } else {
      base::append_code_point(code, value);
    }
    return true;
  }

  std::string_view digits() {
    const size_t start = at_;
    while (is_digit(peek())) ++at_;
    return text_.substr(start, at_ - start);
  }

  const Unit* unit() const {
    const Unit* best = nullptr;
    for (const Unit& known : kUnits) {
      if (!text_.substr(at_).starts_with(known.name)) continue;
      if (best == nullptr || known.name.size() > best->name.size()) best = &known;
    }
    return best;
  }

  bool refuse_unit() {
    const size_t start = at_;
    return refuse(start, fmt::format("'{}' is no unit: ns us µs ms s m h d w y", word_text()));
  }

  bool number(Token& token) {
    token.kind = TokenKind::Literal;
    const std::string_view whole = digits();
    std::string_view fraction;
    bool is_float = false;
    if (peek() == '.' && (is_digit(peek(1)) || !is_word_start(peek(1)))) {
      ++at_;
      fraction = digits();
      is_float = true;
    }
    if (const Unit* first = unit(); first != nullptr) return duration(token, whole, fraction, *first);
    if (peek() == 'e' || peek() == 'E') {
      const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        at_ += 1 + sign;
        digits();
        is_float = true;
      }
    }
    if (is_word_char(peek())) {
      return refuse_unit();
    }
    return plain_number(token, is_float);
  }

  bool plain_number(Token& token, bool is_float) {
    const char* begin = text_.data() + token.offset;
    const char* end = text_.data() + at_;
    double real = 0;
    int64_t integer = 0;
    const std::errc error = is_float ? std::from_chars(begin, end, real).ec : std::from_chars(begin, end, integer).ec;
    if (error != std::errc()) return refuse(token.offset, "a number beyond 64 bits");
    token.literal = is_float ? TypedValue::real(real) : TypedValue::integer(integer);
    return true;
  }

  // The first number stands before at_, its unit at at_; any number of further ones may follow: 1h30m.
  bool duration(Token& token, std::string_view whole, std::string_view fraction, const Unit& first) {
    const Unit* current = &first;
    unsigned __int128 total = 0;
    while (true) {
      at_ += current->name.size();
      if (whole.size() > 19) return refuse(token.offset, "a duration beyond 292 years");
      uint64_t count = 0;
      for (const char c : whole) count = count * 10 + static_cast<uint64_t>(c - '0');
      total += static_cast<unsigned __int128>(count) * current->nanos;
      uint64_t part = current->nanos;
      for (const char c : fraction.substr(0, 18)) {
        const uint64_t scaled = part * static_cast<uint64_t>(c - '0');
        total += scaled / 10;
        part /= 10;
      }
      if (total > static_cast<uint64_t>(INT64_MAX)) return refuse(token.offset, "a duration beyond 292 years");
      if (!is_digit(peek())) break;
      const size_t start = at_;
      whole = digits();
      fraction = {};
      if (peek() == '.') {
        ++at_;
        fraction = digits();
      }
      current = unit();
      if (current == nullptr) return refuse(start, "a number without its unit inside a duration");
    }
    if (is_word_char(peek())) {
      return refuse_unit();
    }
    token.literal = TypedValue::duration(model::Duration(static_cast<int64_t>(total)));
    return true;
  }

  std::string_view text_;
  Dialect dialect_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
  std::string message_;
  size_t message_offset_ = 0;
};

}  // namespace

base::Result<std::vector<Token>> tokenize(std::string_view text, Dialect dialect) { return Lexer(text, dialect).run(); }

std::unexpected<base::Error> fail_at(std::string_view text, size_t offset, std::string_view message) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  const auto is_start = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  const auto column = 1 + std::ranges::count_if(in_line, is_start);
  return base::fail(base::Errc::InvalidArgument, fmt::format("{}:{}: {}", line, column, message));
}

}  // namespace backstitch::traceql
