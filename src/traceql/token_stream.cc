#include "traceql/token_stream.h"

#include <algorithm>
#include <fmt/format.h>

namespace backstitch::traceql {
namespace {

constexpr size_t kShownMax = 40;  // bytes of a token in an error

std::string shown(const Token& token) {
  if (token.kind == TokenKind::End) return "the end";
  size_t size = std::min(token.text.size(), kShownMax);
  while (size < token.text.size() && (static_cast<unsigned char>(token.text[size]) & 0xc0) == 0x80) --size;
  return fmt::format("'{}{}'", token.text.substr(0, size), size < token.text.size() ? "…" : "");
}

}  // namespace

TokenStream::TokenStream(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

const Token& TokenStream::peek(size_t ahead) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }

const Token& TokenStream::next() {
  const Token& token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool TokenStream::is_symbol(std::string_view symbol, size_t ahead) const {
  return peek(ahead).kind == TokenKind::Symbol && peek(ahead).text == symbol;
}

bool TokenStream::is_word(std::string_view word, size_t ahead) const {
  return peek(ahead).kind == TokenKind::Word && peek(ahead).text == word;
}

bool TokenStream::accept(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  next();
  return true;
}

bool TokenStream::expect(std::string_view symbol, std::string_view where) {
  return accept(symbol) || expected(fmt::format("'{}' {}", symbol, where));
}

bool TokenStream::refuse(size_t offset, std::string message) {
  if (!error_) error_ = fail_at(text_, offset, message).error();
  return false;
}

bool TokenStream::expected(std::string_view what) {
  return refuse(peek().offset, fmt::format("expected {}, found {}", what, shown(peek())));
}

base::Error TokenStream::error() const {
  return error_.value_or(base::Error{base::Errc::InvalidArgument, "the query is not understood"});
}

}  // namespace backstitch::traceql
