// Protobuf fields, sized first and then written where there is room for them: no nested buffers, no exceptions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace backstitch::sdk::proto {

// Wire types.
enum Type : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr size_t varint_size(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7; }
constexpr uint32_t tag(uint32_t field, Type type) { return field << 3 | type; }
constexpr size_t tag_size(uint32_t field) { return field < 16 ? 1 : 2; }  // fields below 2,048
constexpr size_t bytes_size(uint32_t field, size_t size) { return tag_size(field) + varint_size(size) + size; }
constexpr size_t number_size(uint32_t field, uint64_t value) { return tag_size(field) + varint_size(value); }
constexpr size_t fixed64_size(uint32_t field) { return tag_size(field) + 8; }
constexpr size_t fixed32_size(uint32_t field) { return tag_size(field) + 4; }

// Each writes at `out` and returns where it ended.
inline char* put_varint(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
// The head of a field of `size` bytes, which follow.
inline char* put_head(uint32_t field, size_t size, char* out) {
  return put_varint(size, put_varint(tag(field, kBytes), out));
}
inline char* put_raw(std::string_view bytes, char* out) {
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}
inline char* put_bytes(uint32_t field, std::string_view bytes, char* out) {
  return put_raw(bytes, put_head(field, bytes.size(), out));
}
inline char* put_number(uint32_t field, uint64_t value, char* out) {
  return put_varint(value, put_varint(tag(field, kVarint), out));
}
inline char* put_fixed64(uint32_t field, uint64_t value, char* out) {
  static_assert(std::endian::native == std::endian::little);
  out = put_varint(tag(field, kFixed64), out);
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}
inline char* put_fixed32(uint32_t field, uint32_t value, char* out) {
  out = put_varint(tag(field, kFixed32), out);
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

// Reads a varint that we wrote.
inline uint64_t get_varint(const char*& at) {
  uint64_t value = 0;
  for (uint32_t shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

}  // namespace backstitch::sdk::proto
