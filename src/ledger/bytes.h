// How the ledger's records are written: numbers as varints of seven bits a byte, the low ones first, and texts behind
// their length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace backstitch::ledger {

inline void put_number(uint64_t number, std::string& out) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  out += static_cast<char>(number);
}

inline void put_text(std::string_view text, std::string& out) {
  put_number(text.size(), out);
  out += text;
}

// Bytes from a disk: reads nothing beyond their end. Once a read failed all others do, with zeros and empty texts.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool is_good() const { return is_good_; }
  bool at_end() const { return rest_.empty(); }
  uint64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    is_good_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view text() { return raw(number()); }
  std::string_view raw(uint64_t size) {
    if (size > rest_.size()) {
      is_good_ = false;
      rest_ = {};
    }
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(found.size());
    return is_good_ ? found : std::string_view();
  }

 private:
  std::string_view rest_;
  bool is_good_ = true;
};

}  // namespace backstitch::ledger
