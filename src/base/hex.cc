#include "base/hex.h"

#include <array>

namespace backstitch::base {
namespace {

constexpr uint8_t kNotHex = 0xff;

constexpr std::array<uint8_t, 256> make_digit_values() {
  std::array<uint8_t, 256> values{};
  values.fill(kNotHex);
  for (int c = '0'; c <= '9'; ++c) values[static_cast<size_t>(c)] = static_cast<uint8_t>(c - '0');
  for (int c = 'a'; c <= 'f'; ++c) values[static_cast<size_t>(c)] = static_cast<uint8_t>(c - 'a' + 10);
  for (int c = 'A'; c <= 'F'; ++c) values[static_cast<size_t>(c)] = static_cast<uint8_t>(c - 'A' + 10);
  return values;
}

constexpr auto kDigitValues = make_digit_values();

}  // namespace

void to_hex(std::span<const uint8_t> bytes, char* out) {
  constexpr char digits[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
  }
}

std::string to_hex(std::span<const uint8_t> bytes) {
  std::string out(bytes.size() * 2, '\0');
  to_hex(bytes, out.data());
  return out;
}

bool from_hex(std::string_view hex, std::span<uint8_t> out) {
  if (hex.size() != out.size() * 2) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    const uint8_t high = kDigitValues[static_cast<uint8_t>(hex[2 * i])];
    const uint8_t low = kDigitValues[static_cast<uint8_t>(hex[2 * i + 1])];
    if (high == kNotHex || low == kNotHex) return false;
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace backstitch::base
