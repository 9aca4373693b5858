#include "api/native/json_fields.h"

#include <charconv>
#include <simdjson.h>
#include <string_view>

namespace backstitch::api {
namespace {

using simdjson::dom::element;

template <typename T>
T value_of(const element& object, const char* key) {
  T value{};
  return object[key].get(value) == simdjson::SUCCESS ? value : T{};
}

template <typename Integer>
Integer parsed(const std::string& text) {
  Integer number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string text_of(const element& object, const char* key) {
  return std::string(value_of<std::string_view>(object, key));
}
uint64_t count_of(const element& object, const char* key) { return value_of<uint64_t>(object, key); }
bool flag_of(const element& object, const char* key) { return value_of<bool>(object, key); }
int64_t integer_of(const element& object, const char* key) { return parsed<int64_t>(text_of(object, key)); }
query::Missing read_missing(const element& object) {
  query::Missing missing;
  simdjson::dom::array names;
  if (object["missing"].get(names) != simdjson::SUCCESS) return missing;
  for (const element name : names) {
    std::string_view text;
    if (name.get(text) == simdjson::SUCCESS) missing.push_back({std::string(text), {base::Errc::Unavailable, ""}});
  }
  return missing;
}
base::Timestamp time_of(const element& object, const char* key) { return {parsed<uint64_t>(text_of(object, key))}; }

}  // namespace backstitch::api
