#include "base/utf8.h"

#include <cstdint>

namespace backstitch::base {
namespace {

bool is_ascii(char c) { return static_cast<uint8_t>(c) < 0x80; }
bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

}  // namespace

size_t utf8_sequence_size(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<uint8_t>(text[1]);
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return size;
}

void append_utf8(std::string_view text, std::string& out) {
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_ascii(text[end])) ++end;
    out += text.substr(at, end - at);
    at = end;
    if (at == text.size()) break;
    const size_t size = utf8_sequence_size(text.substr(at));
    if (size == 0) {
      out += "\xef\xbf\xbd";
      ++at;
    } else {
      out += text.substr(at, size);
      at += size;
    }
  }
}

}  // namespace backstitch::base
