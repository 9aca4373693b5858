// Fields of protobuf messages by number and wire type together: one that comes with another wire type is another field.
// Private to store/block.
#pragma once

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string_view>

namespace backstitch::store::block {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr uint32_t key_of(uint32_t field, pbf_wire_type type) { return field << 3 | static_cast<uint32_t>(type); }
constexpr uint32_t bytes_key(uint32_t field) { return key_of(field, pbf_wire_type::length_delimited); }
constexpr uint32_t varint_key(uint32_t field) { return key_of(field, pbf_wire_type::varint); }
constexpr uint32_t fixed64_key(uint32_t field) { return key_of(field, pbf_wire_type::fixed64); }
constexpr uint32_t fixed32_key(uint32_t field) { return key_of(field, pbf_wire_type::fixed32); }

inline uint32_t key_of(const pbf_reader& message) { return key_of(message.tag(), message.wire_type()); }
inline std::string_view view_of(pbf_reader& message) {
  const auto view = message.get_view();
  return {view.data(), view.size()};
}

}  // namespace backstitch::store::block
