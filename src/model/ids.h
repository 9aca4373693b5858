// Trace and span ids: opaque bytes, written as lower-case hex.
//
// A 64-bit trace id (B3, Jaeger, Datadog) is the 128-bit id with eight leading zero bytes, so `low64` is equal
// for such twins; shards and routers go by it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::model {

struct TraceId {
  std::array<uint8_t, 16> bytes{};

  // 32 hex digits, or 16 for a 64-bit id, or up to 32 with the leading zeros left out (as Jaeger writes them);
  // either case. InvalidArgument otherwise, and for all zeros.
  static base::Result<TraceId> from_hex(std::string_view hex);
  // `bytes` holds 16; OTLP's order.
  static TraceId from_bytes(const char* bytes) {
    TraceId id;
    std::memcpy(id.bytes.data(), bytes, 16);
    return id;
  }

  std::string to_hex() const;
  // All zeros means "no id" (W3C Trace Context, 3.2.2.3).
  bool is_valid() const { return high64() != 0 || low64() != 0; }
  // The first and the last eight bytes as big-endian numbers.
  uint64_t high64() const { return load(0); }
  uint64_t low64() const { return load(8); }

  // By bytes, two numbers at a time: what the compiler makes of an array calls memcmp.
  bool operator==(const TraceId& other) const { return high64() == other.high64() && low64() == other.low64(); }
  std::strong_ordering operator<=>(const TraceId& other) const {
    const auto high = high64() <=> other.high64();
    return high != 0 ? high : low64() <=> other.low64();
  }
  template <typename H>
  friend H AbslHashValue(H state, const TraceId& id) {
    return H::combine(std::move(state), id.high64(), id.low64());
  }

 private:
  uint64_t load(size_t at) const {
    uint64_t value;
    std::memcpy(&value, bytes.data() + at, 8);
    return __builtin_bswap64(value);
  }
};

struct SpanId {
  std::array<uint8_t, 8> bytes{};

  // Up to 16 hex digits, leading zeros may be left out. InvalidArgument otherwise, and for all zeros.
  static base::Result<SpanId> from_hex(std::string_view hex);
  static SpanId from_bytes(const char* bytes) {
    SpanId id;
    std::memcpy(id.bytes.data(), bytes, 8);
    return id;
  }

  std::string to_hex() const;
  bool is_valid() const { return as_number() != 0; }
  uint64_t as_number() const {
    uint64_t value;
    std::memcpy(&value, bytes.data(), 8);
    return __builtin_bswap64(value);
  }

  bool operator==(const SpanId& other) const { return as_number() == other.as_number(); }
  std::strong_ordering operator<=>(const SpanId& other) const { return as_number() <=> other.as_number(); }
  template <typename H>
  friend H AbslHashValue(H state, const SpanId& id) {
    return H::combine(std::move(state), id.as_number());
  }
};

}  // namespace backstitch::model
