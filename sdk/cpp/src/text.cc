#include "src/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/utf8.h"

namespace backstitch::sdk {
namespace {

// Bytes of the character at the front; 1 for a byte that begins none.
size_t character_size(std::string_view text) noexcept {
  if (static_cast<uint8_t>(text[0]) < 0x80) return 1;
  return std::max<size_t>(base::utf8_sequence_size(text), 1);
}

}  // namespace

bool is_ascii(std::string_view text) noexcept {
  constexpr uint64_t kHighBits = 0x8080808080808080ULL;
  size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & kHighBits) != 0) return false;
  }
  for (; at < text.size(); ++at) {
    if (static_cast<uint8_t>(text[at]) >= 0x80) return false;
  }
  return true;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const bool is_single = static_cast<uint8_t>(text[0]) < 0x80;
    const size_t size = is_single ? 1 : base::utf8_sequence_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string_view cut(std::string_view text, size_t characters_max) noexcept {
  if (text.size() <= characters_max) return text;
  size_t at = 0;
  for (size_t count = 0; count < characters_max && at < text.size(); ++count) at += character_size(text.substr(at));
  return text.substr(0, at);
}

std::string_view clean(std::string_view text, size_t characters_max, std::string& storage) {
  text = cut(text, characters_max);
  if (is_ascii(text) || is_utf8(text)) return text;
  storage.clear();
  base::append_utf8(text, storage);
  return storage;
}

}  // namespace backstitch::sdk
