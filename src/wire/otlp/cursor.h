// Reads protobuf's wire format field by field out of bytes that nobody trusts. Private to wire/otlp.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <cstring>
#include <protozero/exception.hpp>
#include <protozero/varint.hpp>
#include <string_view>

namespace backstitch::wire::otlp {

enum class WireType : uint32_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

constexpr uint64_t kFieldMax = (1u << 29) - 1;

constexpr uint32_t tag_of(uint32_t field, WireType type) { return field << 3 | static_cast<uint32_t>(type); }

// What is wrong and where; thrown by Cursor and caught where a message was entered, inside this folder.
struct WireFault {
  const char* what;
  const char* at;
};

// A message's bytes, read from front to back. Faults are thrown: they end the walk, and the hot path pays
// nothing for them.
class Cursor {
 public:
  Cursor(char* begin, char* end) : at_(begin), end_(end) {}
  // Over bytes that stay as they are: nothing is written at its position().
  static Cursor reading(std::string_view bytes) {
    char* const begin = const_cast<char*>(bytes.data());
    return {begin, begin + bytes.size()};
  }

  bool at_end() const { return at_ == end_; }
  char* position() const { return at_; }
  size_t size() const { return static_cast<size_t>(end_ - at_); }
  std::string_view view() const { return {at_, size()}; }

  uint64_t varint() {
    if (at_ != end_ && (*at_ & 0x80) == 0) [[likely]]
      return static_cast<uint8_t>(*at_++);
    return long_varint();
  }
  // A field's number and wire type, as tag_of() makes it.
  uint32_t tag() {
    const uint64_t tag = varint();
    if ((tag >> 3) - 1 >= kFieldMax) [[unlikely]]
      throw WireFault{"field number out of range", at_};
    return static_cast<uint32_t>(tag);
  }
  // A length-delimited field's bytes.
  Cursor bytes() {
    const uint64_t length = varint();
    if (length > size()) [[unlikely]]
      throw WireFault{"field is longer than its message", at_};
    char* const begin = at_;
    at_ += length;
    return {begin, at_};
  }
  template <typename T>
  T fixed() {
    if (size() < sizeof(T)) [[unlikely]]
      throw WireFault{"number is longer than its message", at_};
    T value;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  // Passes over the value of a field that nobody asked for.
  void skip(uint32_t tag) {
    switch (static_cast<WireType>(tag & 7)) {
      case WireType::Varint:
        varint();
        return;
      case WireType::Fixed64:
        fixed<uint64_t>();
        return;
      case WireType::Bytes:
        bytes();
        return;
      case WireType::Fixed32:
        fixed<uint32_t>();
        return;
    }
    throw WireFault{"wire type that OTLP never uses", at_};
  }

 private:
  uint64_t long_varint() {
    if (size() >= 2 && (at_[1] & 0x80) == 0) [[likely]] {
      const uint64_t value = (static_cast<uint8_t>(at_[0]) & 0x7f) | static_cast<uint64_t>(at_[1]) << 7;
      at_ += 2;
      return value;
    }
    const char* at = at_;
    try {
      const uint64_t value = protozero::decode_varint(&at, end_);
      at_ += at - at_;
      return value;
    } catch (const protozero::exception&) {
      throw WireFault{"broken varint", at_};
    }
  }

  char* at_;
  char* end_;
};

}  // namespace backstitch::wire::otlp
