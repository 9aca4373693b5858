#include "model/value.h"

#include <cmath>
#include <fmt/format.h>

#include "base/base64.h"

namespace backstitch::model {
namespace {

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return fmt::format("{}", value);
}

// JSON has no number for these.
bool is_beyond_json(const Value& value) {
  const auto* number = value.as<double>();
  return number != nullptr && !std::isfinite(*number);
}

// Nested values were bounded in depth (Limits::nesting_max) when they were decoded.
void append_json(const Value& value, std::string& out) {
  if (const auto* text = value.as<std::string>()) {
    append_json_string(*text, out);
  } else if (const auto* array = value.as<Array>()) {
    out += '[';
    for (size_t i = 0; i < array->values.size(); ++i) {
      if (i != 0) out += ',';
      append_json(array->values[i], out);
    }
    out += ']';
  } else if (const auto* map = value.as<KeyValues>()) {
    out += '{';
    for (size_t i = 0; i < map->entries.size(); ++i) {
      if (i != 0) out += ',';
      append_json_string(map->entries[i].key, out);
      out += ':';
      append_json(map->entries[i].value, out);
    }
    out += '}';
  } else if (value.is_empty()) {
    out += "null";
  } else if (value.as<Bytes>() != nullptr || is_beyond_json(value)) {
    append_json_string(to_text(value), out);
  } else {
    out += to_text(value);
  }
}

}  // namespace

const Value* find(const Attributes& attributes, std::string_view key) {
  for (const Attribute& attribute : attributes) {
    if (attribute.key == key) return &attribute.value;
  }
  return nullptr;
}

std::string to_text(const Value& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* flag = value.as<bool>()) return *flag ? "true" : "false";
  if (const auto* number = value.as<int64_t>()) return fmt::format("{}", *number);
  if (const auto* number = value.as<double>()) return number_text(*number);
  if (const auto* bytes = value.as<Bytes>()) return base::to_base64(bytes->data);
  if (value.is_empty()) return "";
  std::string out;
  append_json(value, out);
  return out;
}

}  // namespace backstitch::model
