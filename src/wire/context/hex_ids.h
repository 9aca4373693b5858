// Ids as B3, Jaeger and Raceway write them: hex of either case, trace ids of 64 or of 128 bits. Private to
// wire/context.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/hex.h"
#include "wire/context/lower_hex.h"
#include "wire/context/span_context.h"

namespace backstitch::wire::context {

inline constexpr size_t kTraceIdDigits = 32;
inline constexpr size_t kShortTraceIdDigits = 16;
inline constexpr size_t kSpanIdDigits = 16;

// Exactly 16 digits, not all zero.
inline bool read_span_id(std::string_view digits, model::SpanId& id) {
  return base::from_hex(digits, id.bytes) && id.is_valid();
}

// 32 digits, or 16 for an id of 64 bits; not all zero.
inline bool read_trace_id(std::string_view digits, SpanContext& span) {
  span.is_trace_id_64_bit = digits.size() == kShortTraceIdDigits;
  const std::span<uint8_t> bytes(span.trace_id.bytes);
  return base::from_hex(digits, span.is_trace_id_64_bit ? bytes.last<8>() : bytes) && span.trace_id.is_valid();
}

// The trace id as hex: 16 digits where it came so. Writes 32 characters at most and returns where they end. An id
// that says of itself that it is short, but is not, is written whole.
inline char* write_trace_id(const SpanContext& span, char* out) {
  const std::span<const uint8_t> bytes(span.trace_id.bytes);
  const bool is_short = span.is_trace_id_64_bit && span.trace_id.high64() == 0;
  return write_hex(is_short ? bytes.last<8>() : bytes, out);
}

// Text of a bounded size on the stack.
template <size_t N>
struct ShortText {
  std::array<char, N> bytes;
  size_t size = 0;

  void add(char c) { bytes[size++] = c; }
  void add_trace_id(const SpanContext& span) { end_at(write_trace_id(span, bytes.data() + size)); }
  void add_span_id(const model::SpanId& id) { end_at(write_hex(id.bytes, bytes.data() + size)); }
  std::string_view view() const { return {bytes.data(), size}; }

 private:
  void end_at(const char* end) { size = static_cast<size_t>(end - bytes.data()); }
};

}  // namespace backstitch::wire::context
