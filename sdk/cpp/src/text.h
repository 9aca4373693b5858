// Texts from the host, which may hold anything: OTLP's strings are UTF-8, and a server may refuse a whole request for
// one that is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace backstitch::sdk {

// The longest beginning of at most `characters_max` characters; of what is no UTF-8 each maximal wrong part counts as
// one.
std::string_view cut(std::string_view text, size_t characters_max) noexcept;

inline bool is_ascii(std::string_view text) noexcept {
  constexpr uint64_t kHighBits = 0x8080808080808080ULL;
  const char* at = text.data();
  const char* const end = at + text.size();
  uint64_t word = 0;
  if (text.size() < sizeof word) {
    uint8_t all = 0;
    for (; at != end; ++at) all |= static_cast<uint8_t>(*at);
    return all < 0x80;
  }
  uint64_t all = 0;
  for (; at + sizeof word <= end; at += sizeof word) {
    std::memcpy(&word, at, sizeof word);
    all |= word;
  }
  std::memcpy(&word, end - sizeof word, sizeof word);  // the rest, and some bytes again
  return ((all | word) & kHighBits) == 0;
}

std::string_view clean_any(std::string_view text, size_t characters_max, std::string& storage);

// `text` as UTF-8, cut. Borrows where nothing is to be done; else it is put together in `storage`. Throws for memory.
inline std::string_view clean(std::string_view text, size_t characters_max, std::string& storage) {
  // Nearly every text.
  return text.size() <= characters_max && is_ascii(text) ? text : clean_any(text, characters_max, storage);
}

}  // namespace backstitch::sdk
