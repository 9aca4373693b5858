// Ids to and from hex without a branch per digit. Private to wire/context.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace backstitch::wire::context {

// The value of a digit that is lower case, as W3C wants it; a byte with high bits set for anything else.
inline constexpr std::array<uint8_t, 256> kLowerHexValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(0xff);
  for (uint8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (uint8_t i = 0; i < 6; ++i) values['a' + i] = static_cast<uint8_t>(10 + i);
  return values;
}();

inline constexpr std::array<char, 512> kHexPairs = [] {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 512> pairs{};
  for (size_t byte = 0; byte < 256; ++byte) {
    pairs[2 * byte] = digits[byte >> 4];
    pairs[2 * byte + 1] = digits[byte & 15];
  }
  return pairs;
}();

// `digits` points at 2 × N characters. False, and `out` is unspecified, unless all are lower-case hex digits.
template <size_t N>
bool read_lower_hex(const char* digits, std::array<uint8_t, N>& out) {
  uint8_t seen = 0;
  for (size_t i = 0; i < N; ++i) {
    const uint8_t high = kLowerHexValues[static_cast<uint8_t>(digits[2 * i])];
    const uint8_t low = kLowerHexValues[static_cast<uint8_t>(digits[2 * i + 1])];
    seen |= high | low;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return seen < 16;
}

// Writes 2 × bytes.size() characters and returns where they end.
inline char* write_hex(std::span<const uint8_t> bytes, char* out) {
  for (const uint8_t byte : bytes) {
    *out++ = kHexPairs[2 * size_t{byte}];
    *out++ = kHexPairs[2 * size_t{byte} + 1];
  }
  return out;
}

}  // namespace backstitch::wire::context
