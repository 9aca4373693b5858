#include "sample/ottl_lexer.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/utf8.h"
#include "traceql/lexer.h"

namespace backstitch::sample {

using base::Errc;
using base::Result;

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_word_char(char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<std::string_view, 6> kKeywords = {"nil", "not", "or", "and", "true", "false"};
// The longest first.
constexpr std::array<std::string_view, 6> kComparisons = {"==", "!=", ">=", "<=", ">", "<"};
constexpr std::string_view kSymbols = "()[]{},.:+-*/=";

// A false return of any function leaves message_ and message_offset_.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<OttlToken>> run() {
    while (true) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      OttlToken token{.kind = OttlTokenKind::End, .offset = at_, .text = {}, .value = {}};
      if (at_ == text_.size()) {
        tokens_.push_back(std::move(token));
        return std::move(tokens_);
      }
      if (!read(token)) return traceql::fail_at(text_, message_offset_, message_);
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

  bool read(OttlToken& token) {
    const char c = peek();
    if (c == '0' && peek(1) == 'x' && hex_digit(peek(2)) >= 0) return bytes(token);
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(token);
    if (c == '"') return string(token);
    if (is_lower(c) || is_upper(c)) return word(token);
    return symbol(token);
  }

  bool word(OttlToken& token) {
    const size_t start = at_;
    while (is_word_char(peek())) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (std::ranges::find(kKeywords, name) != kKeywords.end()) {
      token.kind = OttlTokenKind::Keyword;
    } else {
      token.kind = is_upper(name.front()) ? OttlTokenKind::Capital : OttlTokenKind::Name;
    }
    return true;
  }

  bool number(OttlToken& token) {
    token.kind = OttlTokenKind::Integer;
    while (is_digit(peek())) ++at_;
    if (peek() != '.') return true;
    token.kind = OttlTokenKind::Float;
    ++at_;
    while (is_digit(peek())) ++at_;
    if (peek() != 'e' && peek() != 'E') return true;
    const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (!is_digit(peek(1 + sign))) return true;
    at_ += 1 + sign;
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool bytes(OttlToken& token) {
    token.kind = OttlTokenKind::Bytes;
    const size_t start = at_;
    for (at_ += 2; hex_digit(peek()) >= 0; at_ += 2) {
      if (hex_digit(peek(1)) < 0) return refuse(start, "a bytes literal needs an even number of hexadecimal digits");
      token.value += static_cast<char>(hex_digit(peek()) * 16 + hex_digit(peek(1)));
    }
    return true;
  }

  bool symbol(OttlToken& token) {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("=>")) {
      token.kind = OttlTokenKind::Symbol;
      at_ += 2;
      return true;
    }
    for (const std::string_view comparison : kComparisons) {
      if (!rest.starts_with(comparison)) continue;
      token.kind = OttlTokenKind::Comparison;
      at_ += comparison.size();
      return true;
    }
    if (kSymbols.find(rest.front()) == std::string_view::npos) return refuse(at_, nothing_here());
    token.kind = OttlTokenKind::Symbol;
    ++at_;
    return true;
  }

  std::string nothing_here() const {
    const char c = peek();
    if (c == '\'') return "a string stands between double quotes (\")";
    if (c == '&') return "'&' means nothing here; write 'and'";
    if (c == '|') return "'|' means nothing here; write 'or'";
    if (c == '!') return "'!' means nothing here; write 'not'";
    size_t size = 1;  // the whole UTF-8 sequence
    while ((static_cast<unsigned char>(peek(size)) & 0xc0) == 0x80) ++size;
    return fmt::format("'{}' means nothing here", text_.substr(at_, size));
  }

  bool string(OttlToken& token) {
    token.kind = OttlTokenKind::String;
    const size_t start = at_++;
    while (peek() != '"') {
      if (at_ >= text_.size()) return refuse(start, "this string has no end");
      if (peek() != '\\') {
        token.value += text_[at_++];
      } else if (!escape(token.value)) {
        return false;
      }
    }
    ++at_;
    return true;
  }

  // As Go's strconv.UnquoteChar reads them. A \x or octal escape names a character, not a byte.
  bool escape(std::string& out) {
    constexpr std::string_view from = "abfnrtv\\\"";
    constexpr std::string_view to = "\a\b\f\n\r\t\v\\\"";
    const char c = peek(1);
    if (const size_t simple = from.find(c); c != '\0' && simple != std::string_view::npos) {
      out += to[simple];
      at_ += 2;
      return true;
    }
    if (c == 'x') return number_escape(2, 16, 2, out);
    if (c == 'u') return number_escape(2, 16, 4, out);
    if (c == 'U') return number_escape(2, 16, 8, out);
    if (c >= '0' && c <= '7') return number_escape(1, 8, 3, out);
    return refuse(at_, fmt::format("'\\{}' is no escape; a backslash itself is written \\\\", peek(1)));
  }

  bool number_escape(size_t skip, uint32_t base, size_t digits, std::string& out) {
    uint32_t code = 0;
    for (size_t i = 0; i < digits; ++i) {
      const int digit = hex_digit(peek(skip + i));
      if (digit < 0 || static_cast<uint32_t>(digit) >= base || code > 0x10ffff) {
        return refuse(at_, fmt::format("this escape needs {} digits and a character's number", digits));
      }
      code = code * base + static_cast<uint32_t>(digit);
    }
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (code > 0x10ffff || is_surrogate || (base == 8 && code > 255)) {
      return refuse(at_, "this escape names no character");
    }
    base::append_code_point(code, out);
    at_ += skip + digits;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<OttlToken> tokens_;
  std::string message_;
  size_t message_offset_ = 0;
};

}  // namespace

Result<std::vector<OttlToken>> tokenize_ottl(std::string_view text) {
  if (text.size() > kOttlTextBytesMax) {
    return base::fail(Errc::TooLarge,
                      fmt::format("a condition may have {} bytes, this one has {}", kOttlTextBytesMax, text.size()));
  }
  return Lexer(text).run();
}

}  // namespace backstitch::sample
