// The ingest walk below one attribute: checks a KeyValue whole and masks it where its key says so. Private to
// wire/otlp.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/limits.h"
#include "wire/otlp/attribute_keys.h"
#include "wire/otlp/cursor.h"

namespace backstitch::wire::otlp {

struct WalkedAttribute {
  std::string_view key;
  // The AnyValue message; data() is null where the KeyValue has none.
  std::string_view value;
  KeyVerdict verdict;
};

// Throws WireFault for bytes that don't nest. What else it finds it notes below, for the caller to read and reset.
class AttributeWalk {
 public:
  AttributeWalk(model::FeaturePlan plan, const model::Limits& limits) : keys_(std::move(plan)), limits_(limits) {}

  WalkedAttribute walk(Cursor key_value);
  size_t selected_count(model::AttributeLevel level) const { return keys_.selected_count(level); }

  bool too_deep = false;     // beyond Limits::nesting_max
  bool over_limits = false;  // beyond Limits::attribute_value_bytes_max
  uint32_t masked_values = 0;

 private:
  WalkedAttribute walk_fields(Cursor in);
  void any_value(Cursor in, bool mask, uint32_t depth);
  void bytes_value(Cursor in, bool mask) {
    if (in.size() > limits_.attribute_value_bytes_max) over_limits = true;
    if (mask) mask_bytes(in);
  }
  void mask_bytes(Cursor in);
  void container(Cursor in, bool is_map, bool mask, uint32_t depth);
  void map_entry(Cursor entry, bool mask, uint32_t depth);

  AttributeKeys keys_;
  const model::Limits limits_;
};

}  // namespace backstitch::wire::otlp
