// OTTL condition text → tokens, by the rules of the OpenTelemetry Collector's transformation language (pkg/ottl
// 0.161): words, numbers, quoted strings with Go's escapes, 0x… bytes, comparisons and arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::sample {

constexpr size_t kOttlTextBytesMax = 8192;

enum class OttlTokenKind : uint8_t {
  Name,        // starts with a lower-case letter: a path's part, or an argument's name
  Capital,     // starts with an upper-case letter: a converter or an enum
  Keyword,     // nil not or and true false
  Integer,     // 12
  Float,       // 1.5
  String,      // "text": `value` without quotes and escapes
  Bytes,       // 0x0aff: `value` holds the bytes
  Comparison,  // == != < <= > >=
  Symbol,      // ( ) [ ] { } , . : + - * / = =>
  End,
};

struct OttlToken {
  OttlTokenKind kind = OttlTokenKind::End;
  size_t offset = 0;
  std::string_view text;  // as it stands in the condition, which it borrows from
  std::string value;
};

// Always ends with End. InvalidArgument "1:14: …" (line and column), TooLarge beyond kOttlTextBytesMax.
base::Result<std::vector<OttlToken>> tokenize_ottl(std::string_view text);

}  // namespace backstitch::sample
