#include "store/block/attribute_row.h"

#include "store/block/message_keys.h"
#include "wire/otlp/attribute_frame.h"

namespace backstitch::store::block {
namespace {

// Reads an AnyValue that is exactly one field of a kind that has a column of its own.
bool read_scalar(std::string_view any_value, AttributeRow& row) {
  pbf_reader value(any_value.data(), any_value.size());
  if (!value.next()) return false;
  switch (key_of(value)) {
    case bytes_key(1):
      row.type = ValueType::String;
      row.bytes = view_of(value);
      break;
    case varint_key(2):
      row.type = ValueType::Bool;
      row.number = value.get_uint64();
      if (row.number > 1) return false;
      break;
    case varint_key(3):
      row.type = ValueType::Int;
      row.number = value.get_uint64();
      row.number = row.number << 1 ^ (0 - (row.number >> 63));
      break;
    case fixed64_key(4):
      row.type = ValueType::Double;
      row.number = value.get_fixed64();
      break;
    default:
      return false;
  }
  return value.length() == 0;
}

AttributeRow read_fields_of_attribute(std::string_view key_value) {
  AttributeRow row;
  row.whole = key_value;
  pbf_reader reader(key_value.data(), key_value.size());
  std::string_view value;
  bool is_plain = reader.next() && key_of(reader) == bytes_key(1);
  if (is_plain) row.key = view_of(reader);
  is_plain = is_plain && reader.next() && key_of(reader) == bytes_key(2);
  if (is_plain) value = view_of(reader);
  // An empty key marks the column of whole messages.
  if (!is_plain || reader.length() != 0 || row.key.empty()) {
    return {.key = {}, .bytes = key_value, .whole = key_value, .number = 0, .type = ValueType::KeyValue};
  }
  if (!read_scalar(value, row)) {
    row.type = ValueType::Message;
    row.bytes = value;
    row.number = 0;
  }
  return row;
}

}  // namespace

void read_attribute(std::string_view key_value, AttributeRow& row) {
  const size_t key_size = wire::otlp::framed_key_size(key_value.data(), key_value.size());
  if (key_size == 0 || key_size == wire::otlp::kNoFrame) {
    row = read_fields_of_attribute(key_value);
    return;
  }
  const char* const value = key_value.data() + wire::otlp::kAttributeFrame + key_size;
  const size_t value_size = key_value.size() - wire::otlp::kAttributeFrame - key_size;
  row.key = key_value.substr(2, key_size);
  row.whole = key_value;
  if (wire::otlp::is_framed_text(value, value_size)) {
    row.type = ValueType::String;
    row.bytes = {value + 2, value_size - 2};
  } else if (!read_scalar({value, value_size}, row)) {
    row.type = ValueType::Message;
    row.bytes = {value, value_size};
    row.number = 0;
  }
}

}  // namespace backstitch::store::block
