#include "src/encode_attributes.h"

#include <bit>
#include <new>
#include <string>

#include "src/proto.h"
#include "src/text.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::sdk {
namespace {

using Kind = AttributeValue::Kind;
using namespace wire::otlp;  // the names of fields

// The two passes over a value, sizing and writing, as one walk. Both must see the same text, cleaned and cut.
class Encoder {
 public:
  explicit Encoder(size_t length_max) : length_max_(length_max) {}

  // Of the AnyValue's inside.
  size_t size_of(const AttributeValue& value, int depth = 0) {
    switch (value.kind()) {
      case Kind::Bool:
        return 2;
      case Kind::Int:
        return proto::number_size(kAnyValueInt, static_cast<uint64_t>(value.as_int()));
      case Kind::Double:
        return proto::fixed64_size(kAnyValueDouble);
      case Kind::String:
        return proto::bytes_size(kAnyValueString, text(value.as_text()).size());
      case Kind::Bytes:
        return proto::bytes_size(kAnyValueBytes, value.as_text().size());
      case Kind::Map:
        return depth == AttributeValue::kNestingMax ? 0 : map_size(value, depth);
      default:
        return depth == AttributeValue::kNestingMax ? 0 : list_size(value, depth);
    }
  }

  char* put(const AttributeValue& value, char* out, int depth = 0) {
    switch (value.kind()) {
      case Kind::Bool:
        return proto::put_number(kAnyValueBool, value.as_bool() ? 1 : 0, out);
      case Kind::Int:
        return proto::put_number(kAnyValueInt, static_cast<uint64_t>(value.as_int()), out);
      case Kind::Double:
        return proto::put_fixed64(kAnyValueDouble, std::bit_cast<uint64_t>(value.as_double()), out);
      case Kind::String:
        return proto::put_bytes(kAnyValueString, text(value.as_text()), out);
      case Kind::Bytes:
        return proto::put_bytes(kAnyValueBytes, value.as_text(), out);
      case Kind::Map:
        return depth == AttributeValue::kNestingMax ? out : put_map(value, out, depth);
      default:
        return depth == AttributeValue::kNestingMax ? out : put_list(value, out, depth);
    }
  }

 private:
  std::string_view text(std::string_view text) { return clean(text, length_max_, storage_); }
  std::string_view key(std::string_view key) { return clean(key, key.size(), storage_); }

  template <typename Do>
  static void each(const AttributeValue& value, Do&& visit) {
    switch (value.kind()) {
      case Kind::Bools:
        return each_of<bool>(value, visit);
      case Kind::Ints:
        return each_of<int64_t>(value, visit);
      case Kind::Doubles:
        return each_of<double>(value, visit);
      case Kind::Strings:
        return each_of<std::string>(value, visit);
      case Kind::StringViews:
        return each_of<std::string_view>(value, visit);
      default:
        return each_of<AttributeValue>(value, visit);
    }
  }
  template <typename T, typename Do>
  static void each_of(const AttributeValue& value, Do&& visit) {
    for (const T& one : value.as_list<T>()) visit(AttributeValue(one));
  }

  size_t elements_size(const AttributeValue& value, int depth) {
    size_t size = 0;
    each(value, [&](const AttributeValue& one) { size += proto::bytes_size(kListValues, size_of(one, depth + 1)); });
    return size;
  }
  size_t list_size(const AttributeValue& value, int depth) {
    return proto::bytes_size(kAnyValueArray, elements_size(value, depth));
  }
  char* put_list(const AttributeValue& value, char* out, int depth) {
    out = proto::put_head(kAnyValueArray, elements_size(value, depth), out);
    each(value, [&](const AttributeValue& one) {
      out = put(one, proto::put_head(kListValues, size_of(one, depth + 1), out), depth + 1);
    });
    return out;
  }

  size_t entry_size(const Attribute& entry, int depth) {
    return proto::bytes_size(kKeyValueKey, key(entry.key).size()) +
           proto::bytes_size(kKeyValueValue, size_of(entry.value, depth + 1));
  }
  size_t entries_size(const AttributeValue& value, int depth) {
    size_t size = 0;
    for (const Attribute& one : value.as_list<Attribute>()) {
      size += proto::bytes_size(kListValues, entry_size(one, depth));
    }
    return size;
  }
  size_t map_size(const AttributeValue& value, int depth) {
    return proto::bytes_size(kAnyValueKeyValues, entries_size(value, depth));
  }
  char* put_map(const AttributeValue& value, char* out, int depth) {
    out = proto::put_head(kAnyValueKeyValues, entries_size(value, depth), out);
    for (const Attribute& one : value.as_list<Attribute>()) {
      out = proto::put_head(kListValues, entry_size(one, depth), out);
      out = proto::put_bytes(kKeyValueKey, key(one.key), out);
      out = proto::put_head(kKeyValueValue, size_of(one.value, depth + 1), out);
      out = put(one.value, out, depth + 1);
    }
    return out;
  }

  const size_t length_max_;
  std::string storage_;
};

// The bit of a key, which is not empty, in AttributeList::keys.
uint64_t filter_bit(std::string_view key) {
  const auto at = [&](size_t index) { return static_cast<uint8_t>(key[index]); };
  const size_t mixed = key.size() * 37 + at(key.size() - 1) * 11 + at(key.size() / 2) * 5 + at(key.size() / 4);
  return uint64_t{1} << (mixed & 63);
}

// Takes the entry of `key` out of the list, if it is there.
bool erase(std::string_view key, ByteBuffer& list, size_t begin) {
  const char* const base = list.view().data();
  const char* const end = base + list.size();
  for (const char* at = base + begin; at < end;) {
    const char* const entry = at;
    proto::get_varint(at);  // the field's tag
    const uint64_t size = proto::get_varint(at);
    const char* const next = at + size;
    proto::get_varint(at);  // the key's tag
    const uint64_t key_size = proto::get_varint(at);
    if (key_size == key.size() && std::memcmp(at, key.data(), key_size) == 0) {
      list.erase(static_cast<size_t>(entry - base), static_cast<size_t>(next - entry));
      return true;
    }
    at = next;
  }
  return false;
}

// Entries all of whose sizes take a byte each, as nearly all do.
constexpr size_t kShortKeyMax = 64, kShortValueMax = 59;
static_assert(4 + kShortKeyMax + kShortValueMax < 0x80);

// Such an entry's head and key; `key` and the value are no longer than the limits. Returns where the value's inside is
// to stand; null without memory.
char* put_short(uint32_t field, std::string_view key, size_t value_size, ByteBuffer& out) {
  char* at = out.extend(proto::tag_size(field) + 5 + key.size() + value_size);
  if (at == nullptr) return nullptr;
  at = proto::put_varint(proto::tag(field, proto::kBytes), at);
  *at++ = static_cast<char>(4 + key.size() + value_size);
  *at++ = static_cast<char>(proto::tag(kKeyValueKey, proto::kBytes));
  *at++ = static_cast<char>(key.size());
  at = proto::put_raw(key, at);
  *at++ = static_cast<char>(proto::tag(kKeyValueValue, proto::kBytes));
  *at++ = static_cast<char>(value_size);
  return at;
}

bool append_number(uint32_t field, std::string_view key, uint32_t kind, uint64_t value, ByteBuffer& out) {
  const size_t value_size = proto::number_size(kind, value);
  char* const at = put_short(field, key, value_size, out);
  if (at == nullptr) return false;
  proto::put_number(kind, value, at);
  return true;
}

// The commonest kind, gone through once.
bool append_text(uint32_t field, std::string_view key, std::string_view text, uint32_t length_max, ByteBuffer& out) {
  std::string storage;
  text = clean(text, length_max, storage);
  if (key.size() <= kShortKeyMax && text.size() + 2 <= kShortValueMax) {
    char* const at = put_short(field, key, text.size() + 2, out);
    if (at == nullptr) return false;
    proto::put_bytes(kAnyValueString, text, at);
    return true;
  }
  const size_t value_size = proto::bytes_size(kAnyValueString, text.size());
  const size_t size = proto::bytes_size(kKeyValueKey, key.size()) + proto::bytes_size(kKeyValueValue, value_size);
  char* at = out.extend(proto::bytes_size(field, size));
  if (at == nullptr) return false;
  at = proto::put_bytes(kKeyValueKey, key, proto::put_head(field, size, at));
  proto::put_bytes(kAnyValueString, text, proto::put_head(kKeyValueValue, value_size, at));
  return true;
}

bool append(uint32_t field, std::string_view key, const AttributeValue& value, uint32_t length_max, ByteBuffer& out) {
  if (value.kind() == Kind::String) return append_text(field, key, value.as_text(), length_max, out);
  if (key.size() <= kShortKeyMax && value.kind() == Kind::Int) {
    return append_number(field, key, kAnyValueInt, static_cast<uint64_t>(value.as_int()), out);
  }
  Encoder encoder(length_max);
  const size_t value_size = encoder.size_of(value);
  const size_t size = proto::bytes_size(kKeyValueKey, key.size()) + proto::bytes_size(kKeyValueValue, value_size);
  char* at = out.extend(proto::bytes_size(field, size));
  if (at == nullptr) return false;
  at = proto::put_head(field, size, at);
  at = proto::put_bytes(kKeyValueKey, key, at);
  at = proto::put_head(kKeyValueValue, value_size, at);
  encoder.put(value, at);
  return true;
}

}  // namespace

void add_attribute(std::string_view key, const AttributeValue& value, AttributeList& list, ByteBuffer& out,
                   size_t begin) noexcept {
  const size_t size_before = out.size();
  try {
    std::string storage;
    key = clean(key, key.size(), storage);
    const uint64_t bit = key.empty() ? 0 : filter_bit(key);
    if ((list.keys & bit) != 0 && erase(key, out, begin)) --list.count;
    if (bit != 0 && list.count < list.count_max && append(list.field, key, value, list.length_max, out)) {
      ++list.count;
      list.keys |= bit;
      return;
    }
  } catch (const std::bad_alloc&) {  // of a text that is no UTF-8
  }
  if (out.size() > size_before) out.erase(size_before, out.size() - size_before);
  ++list.dropped;
}

void add_attributes(Attributes attributes, AttributeList& list, ByteBuffer& out, size_t begin) noexcept {
  for (const Attribute& one : attributes) add_attribute(one.key, one.value, list, out, begin);
}

}  // namespace backstitch::sdk
