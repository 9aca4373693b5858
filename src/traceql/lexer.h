// TraceQL text → tokens. Attribute names and durations are whole tokens already, since what ends them depends on where
// they stand: `.a-b` is one name, `duration-1s` are three tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "traceql/query.h"

namespace backstitch::traceql {

enum class TokenKind : uint8_t {
  Symbol,   // { } ( ) , | and operators: `text`
  Word,     // name, trace:id, count: `text`
  Field,    // .a, span.a, parent.resource."a b": `field`
  Literal,  // a string, number or duration: `literal`
  End,
};

struct Token {
  TokenKind kind = TokenKind::End;
  size_t offset = 0;      // in bytes
  std::string_view text;  // as it stands in the query, which it borrows from
  FieldRef field;
  TypedValue literal;
};

// What nodes write to each other has words for all that a tree can hold: `tag.user.id`, `service`, `text(tag.n) = "7"`.
enum class Dialect : uint8_t { Tempo, BetweenNodes };

// Always ends with End. `text` is bounded by the caller.
base::Result<std::vector<Token>> tokenize(std::string_view text, Dialect dialect = Dialect::Tempo);

// InvalidArgument with `message` behind the line and column, from 1 on, of that byte: "2:14: …".
std::unexpected<base::Error> fail_at(std::string_view text, size_t offset, std::string_view message);

}  // namespace backstitch::traceql
