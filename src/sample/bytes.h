// The bytes of features and budgets: LEB128 numbers, and doubles by their bits. Private to sample.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::sample {

inline void put_number(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
inline void put_fixed(uint64_t value, std::string& out) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i));
}
inline void put_real(double value, std::string& out) { put_fixed(std::bit_cast<uint64_t>(value), out); }
inline void put_text(std::string_view text, std::string& out) {
  put_number(text.size(), out);
  out += text;
}

// Reads what the above wrote. After a read past the end or of a number that is none, every value is 0 and is_bad().
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) break;
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    is_bad_ = true;
    at_ = bytes_.size();
    return 0;
  }
  uint64_t fixed() {
    if (bytes_.size() - at_ < 8) {
      is_bad_ = true;
      at_ = bytes_.size();
      return 0;
    }
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value |= uint64_t{static_cast<uint8_t>(bytes_[at_++])} << (8 * i);
    return value;
  }
  double real() { return std::bit_cast<double>(fixed()); }

  bool is_bad() const { return is_bad_; }
  size_t position() const { return at_; }
  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool is_bad_ = false;
};

}  // namespace backstitch::sample
