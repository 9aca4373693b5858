// A strict reader of JSON (RFC 8259) for values of at most 64 KiB, token by token and without recursion. The SDK links
// this folder, so no JSON library may come with it; what an error tree needs of JSON is this small.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/error_tree/verdict.h"

namespace backstitch::wire::error_tree {

// Borrows the text. After a refusal its position means nothing.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  // The next character that is no white space; 0 at the end.
  char peek();
  // True where only white space is left.
  bool at_end() { return peek() == '\0' && at_ == end_; }
  // Takes `c` if it comes next.
  bool take(char c);
  // A string. A piece of the text where nothing is escaped, else it is put together in `buffer`; UTF-8 only as far
  // as the text was. Half a surrogate pair becomes U+FFFD and sets `lone_surrogate`.
  Verdict<std::string_view> string(std::string& buffer, bool& lone_surrogate);
  // A number that is an integer from 0 to 2^32 - 1, written without sign, fraction and exponent.
  Verdict<uint32_t> uint32();
  Verdict<bool> boolean();
  // Takes `null` if it comes next.
  Verdict<bool> null();
  // Any value, at most kDecodeLevelsMax levels of arrays and objects.
  Verdict<> skip_value();

 private:
  Verdict<> escape(std::string& buffer, bool& lone_surrogate);
  Verdict<> skip_scalar();
  Verdict<> skip_number();
  Verdict<> skip_key();
  bool literal(std::string_view word);
  bool hex4(uint32_t& unit);
  size_t digits();

  const char* at_;
  const char* end_;
};

}  // namespace backstitch::wire::error_tree
