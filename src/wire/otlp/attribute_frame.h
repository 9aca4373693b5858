// A KeyValue as nearly every one is written: a key, then a value, with lengths of one byte each. Whoever reads many of
// them takes these in one step, and whatever is not exactly that field by field.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/otlp/otlp_fields.h"

namespace backstitch::wire::otlp {

constexpr size_t kAttributeFrame = 4;  // two tags and two lengths
constexpr size_t kNoFrame = SIZE_MAX;

// Of the key, which begins at byte 2; the AnyValue follows two bytes behind it and is all that is left. kNoFrame: read
// it field by field.
inline size_t framed_key_size(const char* key_value, size_t size) {
  constexpr uint8_t kKeyTag = kKeyValueKey << 3 | 2;
  constexpr uint8_t kValueTag = kKeyValueValue << 3 | 2;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(key_value);
  if (size < kAttributeFrame || size > 0x7f + kAttributeFrame || bytes[0] != kKeyTag) return kNoFrame;
  const size_t key_size = bytes[1];
  if (key_size > size - kAttributeFrame) return kNoFrame;
  const size_t value_size = size - kAttributeFrame - key_size;
  return bytes[2 + key_size] == kValueTag && bytes[3 + key_size] == value_size ? key_size : kNoFrame;
}

// Whether an AnyValue of fewer than 128 bytes is a text and nothing else; it begins at byte 2.
inline bool is_framed_text(const char* any_value, size_t size) {
  return size >= 2 && any_value[0] == (kAnyValueString << 3 | 2) && static_cast<size_t>(any_value[1]) == size - 2;
}

}  // namespace backstitch::wire::otlp
