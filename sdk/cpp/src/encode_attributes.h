// Attributes as OTLP's KeyValues, written the moment they are set: what is exported later is copied as it stands.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backstitch/attribute.h"
#include "src/byte_buffer.h"

namespace backstitch::sdk {

// A list of KeyValues, each with the head of its field in front, to which the attributes of one owner are added.
struct AttributeList {
  uint32_t field;  // of KeyValue in the owner
  uint32_t count_max;
  uint32_t length_max;  // of texts, in characters
  uint32_t count = 0;
  uint32_t dropped = 0;  // without a key, beyond count_max, or without memory
  uint64_t keys = 0;     // a filter over the keys that are there: one without its bit is not
};

// Adds to the end of `out`, whose part from `begin` on is the list. A key that is there is replaced.
void add_attribute(std::string_view key, const AttributeValue& value, AttributeList& list, ByteBuffer& out,
                   size_t begin = 0) noexcept;
void add_attributes(Attributes attributes, AttributeList& list, ByteBuffer& out, size_t begin = 0) noexcept;

}  // namespace backstitch::sdk
