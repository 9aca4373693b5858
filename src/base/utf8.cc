#include "base/utf8.h"

#include <cstring>

namespace backstitch::base {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// The range of the second byte narrows after some leads: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_second(uint8_t lead, uint8_t second) {
  switch (lead) {
    case 0xe0:
      return second >= 0xa0 && second <= 0xbf;
    case 0xed:
      return second >= 0x80 && second <= 0x9f;
    case 0xf0:
      return second >= 0x90 && second <= 0xbf;
    case 0xf4:
      return second >= 0x80 && second <= 0x8f;
    default:
      return second >= 0x80 && second <= 0xbf;
  }
}

size_t ascii_prefix(std::string_view text) {
  size_t at = 0;
  while (at + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
    at += 8;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {1, true, lead};
  if (lead < 0xc2 || lead > 0xf4) return {1, false, 0};
  const uint8_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t code_point = lead & (0xffu >> (size + 1));
  for (uint8_t i = 1; i < size; ++i) {
    if (i >= text.size()) return {i, false, 0};
    const auto next = static_cast<uint8_t>(text[i]);
    if (i == 1 ? !is_second(lead, next) : (next & 0xc0) != 0x80) return {i, false, 0};
    code_point = code_point << 6 | (next & 0x3fu);
  }
  return {size, true, code_point};
}

bool is_utf8(std::string_view text) {
  for (;;) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) return true;
    const Utf8Step step = utf8_step(text);
    if (!step.is_valid) return false;
    text.remove_prefix(step.size);
  }
}

void append_utf8(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const size_t ascii = ascii_prefix(text);
    out += text.substr(0, ascii);
    text.remove_prefix(ascii);
    if (text.empty()) return;
    const Utf8Step step = utf8_step(text);
    out += step.is_valid ? text.substr(0, step.size) : kReplacement;
    text.remove_prefix(step.size);
  }
}

void append_code_point(uint32_t code_point, std::string& out) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3f)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += {static_cast<char>(0xc0 | code_point >> 6), tail(0)};
  } else if (code_point < 0x10000) {
    out += {static_cast<char>(0xe0 | code_point >> 12), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xf0 | code_point >> 18), tail(12), tail(6), tail(0)};
  }
}

std::string_view first_characters(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace backstitch::base
