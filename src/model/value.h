// Attribute values with every kind that OTLP knows, in the order they arrived.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace backstitch::model {

struct Attribute;
class Value;

// Bytes are a kind of their own: a string is text.
struct Bytes {
  std::string data;
  bool operator==(const Bytes&) const = default;
};
struct Array {
  std::vector<Value> values;
  bool operator==(const Array&) const;
};
// Not a map: OTLP keeps the order, and keys may repeat.
struct KeyValues {
  std::vector<Attribute> entries;
  bool operator==(const KeyValues&) const;
};

// An empty AnyValue is monostate.
class Value {
 public:
  using Variant = std::variant<std::monostate, std::string, bool, int64_t, double, Bytes, Array, KeyValues>;

  Value() = default;
  Value(std::string text);
  Value(std::string_view text);
  Value(const char* text);
  Value(bool value);
  Value(int64_t value);
  Value(int value);
  Value(double value);
  Value(Bytes value);
  Value(Array value);
  Value(KeyValues value);

  const Variant& variant() const { return variant_; }
  Variant& variant() { return variant_; }
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&variant_);
  }
  bool is_empty() const { return std::holds_alternative<std::monostate>(variant_); }

  // Doubles compare by their bits' meaning, so NaN differs from NaN.
  bool operator==(const Value&) const = default;

 private:
  Variant variant_;
};

struct Attribute {
  std::string key;
  Value value;
  bool operator==(const Attribute&) const = default;
};
using Attributes = std::vector<Attribute>;

// Here, where Attribute is complete: a variant that holds it cannot be made or destroyed before.
inline Value::Value(std::string text) : variant_(std::move(text)) {}
inline Value::Value(std::string_view text) : variant_(std::string(text)) {}
inline Value::Value(const char* text) : variant_(std::string(text)) {}
inline Value::Value(bool value) : variant_(value) {}
inline Value::Value(int64_t value) : variant_(value) {}
inline Value::Value(int value) : variant_(static_cast<int64_t>(value)) {}
inline Value::Value(double value) : variant_(value) {}
inline Value::Value(Bytes value) : variant_(std::move(value)) {}
inline Value::Value(Array value) : variant_(std::move(value)) {}
inline Value::Value(KeyValues value) : variant_(std::move(value)) {}
inline bool Array::operator==(const Array& other) const { return values == other.values; }
inline bool KeyValues::operator==(const KeyValues& other) const { return entries == other.entries; }

// The first with that key, or nullptr.
const Value* find(const Attributes& attributes, std::string_view key);

// As query APIs that know only text show it: strings as they are, numbers in their shortest form, bytes as
// base64, arrays and key-value lists as JSON.
std::string to_text(const Value& value);

}  // namespace backstitch::model
