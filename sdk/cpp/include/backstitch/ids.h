// The names of traces and spans: opaque bytes, all zeros for "none" (W3C Trace Context, 3.2.2.3).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace backstitch::sdk {

template <size_t N>
struct Id {
  static_assert(N % 8 == 0);
  std::array<uint8_t, N> bytes{};

  bool is_valid() const noexcept {
    uint64_t all = 0;
    for (size_t at = 0; at < N; at += sizeof all) {
      uint64_t word;
      std::memcpy(&word, bytes.data() + at, sizeof word);
      all |= word;
    }
    return all != 0;
  }
  // Lower case. Throws for memory only.
  std::string to_hex() const {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string hex;
    hex.reserve(2 * N);
    for (const uint8_t byte : bytes) {
      hex.push_back(kDigits[byte >> 4]);
      hex.push_back(kDigits[byte & 15]);
    }
    return hex;
  }
  friend bool operator==(const Id& a, const Id& b) noexcept { return a.bytes == b.bytes; }
  friend bool operator!=(const Id& a, const Id& b) noexcept { return !(a == b); }
};

using TraceId = Id<16>;
using SpanId = Id<8>;

}  // namespace backstitch::sdk
