// The tokens of one query as its parsers read them, with the first thing that was wrong.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "traceql/lexer.h"

namespace backstitch::traceql {

// Parsing functions return false where they refuse, with the error noted here; the first one stays.
class TokenStream {
 public:
  // `text` is what the tokens were made of, and outlives this.
  TokenStream(std::string_view text, std::vector<Token> tokens);

  const Token& peek(size_t ahead = 0) const;
  const Token& next();  // stays at End
  bool is_symbol(std::string_view symbol, size_t ahead = 0) const;
  bool is_word(std::string_view word, size_t ahead = 0) const;
  bool accept(std::string_view symbol);
  // Takes the symbol, or refuses: "expected ')' after the field, found '}'".
  bool expect(std::string_view symbol, std::string_view where);

  bool refuse(size_t offset, std::string message);
  // "expected a value after '=', found '}'", at the next token.
  bool expected(std::string_view what);
  base::Error error() const;

 private:
  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::optional<base::Error> error_;
};

}  // namespace backstitch::traceql
