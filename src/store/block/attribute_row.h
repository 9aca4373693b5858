// One attribute of a trace's bytes, taken apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/block/block_format.h"

namespace backstitch::store::block {

struct AttributeRow {
  std::string_view key;    // empty for ValueType::KeyValue
  std::string_view bytes;  // of String, Message and KeyValue
  std::string_view whole;  // the KeyValue message
  uint64_t number = 0;     // of the others, as ValueType says
  ValueType type = ValueType::None;
};

// Reads a KeyValue message into `row`, which is new: a row that is copied is stored by halves and read as a whole,
// which stalls. What is no key and one value, and an empty key, becomes a row of the column of whole messages.
void read_attribute(std::string_view key_value, AttributeRow& row);

}  // namespace backstitch::store::block
