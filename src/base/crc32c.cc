// The processor's crc32 instruction takes 8 bytes and needs three cycles, but starts a new one each cycle. So long
// input is cut into three neighbouring blocks whose checksums run side by side, each from zero; a checksum is moved
// past the blocks behind it by multiplying with x^(8 × length) modulo the polynomial, which is linear and so comes
// from four tables of 256 entries (the method is Mark Adler's, 2013; the tables are made by the compiler).
#include "base/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace backstitch::base {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

constexpr std::array<uint32_t, 256> make_byte_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    table[i] = crc;
  }
  return table;
}
constexpr auto kByteTable = make_byte_table();

#ifdef __SSE4_2__

constexpr size_t kLongBlock = 4096;
constexpr size_t kShortBlock = 256;

// a × b modulo the polynomial. Reflected: the highest bit is x^0.
constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kPolynomial : b >> 1;
  }
  return product;
}

constexpr uint32_t power_of_x(uint64_t exponent) {
  uint32_t result = 1U << 31;
  for (uint32_t square = 1U << 30; exponent != 0; exponent >>= 1, square = multiply(square, square)) {
    if ((exponent & 1) != 0) result = multiply(result, square);
  }
  return result;
}

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ShiftTable make_shift_table(size_t bytes) {
  const uint32_t factor = power_of_x(8 * uint64_t{bytes});
  ShiftTable table{};
  for (uint32_t k = 0; k < 4; ++k) {
    // Linear, so 8 products give all 256 entries.
    for (uint32_t bit = 0; bit < 8; ++bit) {
      const uint32_t product = multiply(factor, 1U << (8 * k + bit));
      for (uint32_t i = 0; i < (1U << bit); ++i) table[k][i | (1U << bit)] = table[k][i] ^ product;
    }
  }
  return table;
}
constexpr ShiftTable kLongShift = make_shift_table(kLongBlock);
constexpr ShiftTable kShortShift = make_shift_table(kShortBlock);

uint64_t shift(const ShiftTable& table, uint64_t crc) {
  return table[0][crc & 255] ^ table[1][crc >> 8 & 255] ^ table[2][crc >> 16 & 255] ^ table[3][crc >> 24 & 255];
}

uint64_t load(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

uint64_t three_blocks(const char* at, size_t block, const ShiftTable& table, uint64_t crc) {
  uint64_t second = 0;
  uint64_t third = 0;
  for (size_t i = 0; i < block; i += 8) {
    crc = _mm_crc32_u64(crc, load(at + i));
    second = _mm_crc32_u64(second, load(at + block + i));
    third = _mm_crc32_u64(third, load(at + 2 * block + i));
  }
  return shift(table, shift(table, crc) ^ second) ^ third;
}

uint32_t crc32c_hardware(std::string_view bytes, uint32_t start) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = start ^ 0xffffffffU;
  const auto take_blocks = [&](size_t block, const ShiftTable& table) {
    for (; left >= 3 * block; at += 3 * block, left -= 3 * block) crc = three_blocks(at, block, table, crc);
  };
  take_blocks(kLongBlock, kLongShift);
  take_blocks(kShortBlock, kShortShift);
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load(at));
  auto narrow = static_cast<uint32_t>(crc);
  for (; left > 0; ++at, --left) narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*at));
  return narrow ^ 0xffffffffU;
}

#endif

}  // namespace

uint32_t crc32c_portable(std::string_view bytes, uint32_t crc) {
  crc ^= 0xffffffffU;
  for (const char c : bytes) crc = crc >> 8 ^ kByteTable[(crc ^ static_cast<uint8_t>(c)) & 255];
  return crc ^ 0xffffffffU;
}

uint32_t crc32c(std::string_view bytes, uint32_t crc) {
#ifdef __SSE4_2__
  return crc32c_hardware(bytes, crc);
#else
  return crc32c_portable(bytes, crc);
#endif
}

}  // namespace backstitch::base
