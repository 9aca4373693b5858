// Writes JSON by appending, and keeps the commas. It checks nothing: what is begun must be ended.
//
//   std::string out;
//   JsonWriter json(out);
//   json.begin_object();
//   json.field("name", "GET /cart");
//   json.key("spanIds");
//   json.begin_array();
//   json.value(id.to_hex());
//   json.end_array();
//   json.end_object();
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace backstitch::base {

// Quotes and escapes; each byte that is no UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);

// Not thread-safe. Borrows `out`.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool flag);
  // Shortest form that reads back equal; "NaN", "Infinity" and "-Infinity" as strings, as protobuf does.
  void value(double number);
  template <std::integral T>
  void value(T number) {
    if constexpr (std::signed_integral<T>) {
      signed_value(number);
    } else {
      unsigned_value(number);
    }
  }
  // A decimal string: JavaScript's numbers hold 53 bits.
  void quoted(uint64_t number);
  void quoted(int64_t number);
  void null();
  // Where the caller appends exactly one value by other means.
  std::string& raw_value() {
    separate();
    return out_;
  }

  template <typename T>
  void field(std::string_view name, const T& one) {
    key(name);
    value(one);
  }
  template <std::integral T>
  void quoted_field(std::string_view name, T number) {
    key(name);
    quoted(number);
  }

 private:
  void separate() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
  }
  void begin(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
  }
  void end(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
  }
  void signed_value(int64_t number);
  void unsigned_value(uint64_t number);

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace backstitch::base
