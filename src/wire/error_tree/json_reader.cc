#include "wire/error_tree/json_reader.h"

#include <bitset>
#include <limits>

#include "base/utf8.h"
#include "wire/error_tree/bounds.h"

namespace backstitch::wire::error_tree {
namespace {

const std::unexpected<Refusal> kBadJson{Refusal::BadJson};
const std::unexpected<Refusal> kWrongType{Refusal::WrongType};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

char JsonReader::peek() {
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  return at_ == end_ ? '\0' : *at_;
}

bool JsonReader::take(char c) {
  if (peek() != c || at_ == end_) return false;
  ++at_;
  return true;
}

Verdict<std::string_view> JsonReader::string(std::string& buffer, bool& lone_surrogate) {
  if (!take('"')) return peek() == '\0' ? kBadJson : kWrongType;
  const char* piece = at_;
  bool is_escaped = false;
  for (; at_ != end_ && *at_ != '"';) {
    if (static_cast<uint8_t>(*at_) < 0x20) return kBadJson;
    if (*at_ != '\\') {
      ++at_;
      continue;
    }
    if (!is_escaped) buffer.clear();
    is_escaped = true;
    buffer.append(piece, at_);
    if (const auto taken = escape(buffer, lone_surrogate); !taken) return std::unexpected(taken.error());
    piece = at_;
  }
  if (at_ == end_) return kBadJson;
  const std::string_view rest(piece, at_++);
  if (!is_escaped) return rest;
  buffer += rest;
  return buffer;
}

bool JsonReader::hex4(uint32_t& unit) {
  if (end_ - at_ < 4) return false;
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = *at_;
    const int digit = is_digit(c)              ? c - '0'
                      : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                      : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                               : -1;
    if (digit < 0) return false;
    unit = unit << 4 | static_cast<uint32_t>(digit);
  }
  return true;
}

// at_ is on the backslash.
Verdict<> JsonReader::escape(std::string& buffer, bool& lone_surrogate) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  if (++at_ == end_) return kBadJson;
  const char c = *at_++;
  if (const size_t which = kEscapes.find(c); which != std::string_view::npos) {
    buffer += kMeanings[which];
    return {};
  }
  uint32_t unit;
  if (c != 'u' || !hex4(unit)) return kBadJson;
  if (unit >= 0xd800 && unit <= 0xdbff && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
    const char* const second = at_;
    at_ += 2;
    uint32_t low;
    if (!hex4(low)) return kBadJson;
    if (low >= 0xdc00 && low <= 0xdfff) {
      base::append_code_point(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), buffer);
      return {};
    }
    at_ = second;  // a character of its own
  }
  const bool is_lone = unit >= 0xd800 && unit <= 0xdfff;
  lone_surrogate = lone_surrogate || is_lone;
  base::append_code_point(is_lone ? 0xfffd : unit, buffer);
  return {};
}

bool JsonReader::literal(std::string_view word) {
  if (!std::string_view(at_, end_).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

Verdict<bool> JsonReader::boolean() {
  const char c = peek();
  if (c == 't') return literal("true") ? Verdict<bool>(true) : kBadJson;
  if (c == 'f') return literal("false") ? Verdict<bool>(false) : kBadJson;
  return c == '\0' ? kBadJson : kWrongType;
}

Verdict<bool> JsonReader::null() {
  if (peek() != 'n') return false;
  return literal("null") ? Verdict<bool>(true) : kBadJson;
}

size_t JsonReader::digits() {
  const char* const begin = at_;
  while (at_ != end_ && is_digit(*at_)) ++at_;
  return static_cast<size_t>(at_ - begin);
}

Verdict<> JsonReader::skip_number() {
  if (at_ != end_ && *at_ == '-') ++at_;
  const bool is_zero = at_ != end_ && *at_ == '0';
  const size_t integer = digits();
  if (integer == 0 || (is_zero && integer > 1)) return kBadJson;
  if (at_ != end_ && *at_ == '.' && (++at_, digits() == 0)) return kBadJson;
  if (at_ == end_ || (*at_ != 'e' && *at_ != 'E')) return {};
  ++at_;
  if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
  return digits() == 0 ? kBadJson : Verdict<>();
}

Verdict<uint32_t> JsonReader::uint32() {
  const char first = peek();
  if (!is_digit(first)) return first == '\0' ? kBadJson : kWrongType;
  const char* const begin = at_;
  if (const auto skipped = skip_number(); !skipped) return std::unexpected(skipped.error());
  uint64_t value = 0;
  for (const char* at = begin; at != at_; ++at) {
    if (!is_digit(*at)) return kWrongType;
    value = value * 10 + static_cast<uint64_t>(*at - '0');
    if (value > std::numeric_limits<uint32_t>::max()) return kWrongType;
  }
  return static_cast<uint32_t>(value);
}

Verdict<> JsonReader::skip_scalar() {
  std::string buffer;
  bool lone_surrogate = false;
  Verdict<> skipped;
  switch (peek()) {
    case '"':
      if (const auto text = string(buffer, lone_surrogate); !text) skipped = std::unexpected(text.error());
      return skipped;
    case 't':
    case 'f':
      return boolean() ? skipped : kBadJson;
    case 'n':
      return literal("null") ? skipped : kBadJson;
    default:
      return skip_number();
  }
}

Verdict<> JsonReader::skip_key() {
  if (peek() != '"') return kBadJson;
  if (const auto skipped = skip_scalar(); !skipped) return skipped;
  return take(':') ? Verdict<>() : kBadJson;
}

Verdict<> JsonReader::skip_value() {
  std::bitset<kDecodeLevelsMax> is_object;  // of each level that is open
  size_t levels = 0;
  for (;;) {
    bool is_closed = true;  // a value ends here; what may follow depends on where it stands
    if (const char open = peek(); open == '{' || open == '[') {
      if (levels == kDecodeLevelsMax) return std::unexpected(Refusal::TooDeep);
      ++at_;
      is_object[levels++] = open == '{';
      is_closed = take(open == '{' ? '}' : ']');
      if (is_closed) --levels;
    } else if (const auto skipped = skip_scalar(); !skipped) {
      return skipped;
    }
    while (is_closed && levels > 0 && !take(',')) {
      if (!take(is_object[levels - 1] ? '}' : ']')) return kBadJson;
      --levels;
    }
    if (levels == 0) return {};
    if (is_object[levels - 1]) {
      if (const auto key = skip_key(); !key) return key;
    }
  }
}

}  // namespace backstitch::wire::error_tree
