// An operation's attributes, encoded once. The text "http.route=/cart|http.response.status_code=#{status}" becomes
// OTLP bytes with holes: what never changes is copied in one piece, only the holes are written anew in each span.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/gen/values.h"

namespace backstitch::app::gen {

// Protobuf's variable-length number; returns the new end.
inline char* write_varint(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
constexpr size_t varint_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// Appends a length-delimited field. `tag` is the field's number << 3 | 2, below 0x80.
void append_field(std::string& out, char tag, std::string_view content);
// Appends a KeyValue with a string, as field `tag`.
void append_text_attribute(std::string& out, char tag, std::string_view key, std::string_view value);

class AttributeTemplate {
 public:
  // `text` is "key=value|key=value": a value that begins with # is an integer, with ? a boolean, else a string with
  // any number of {holes}. `tag` is that of the repeated KeyValue field. A text that is wrong is a bug (asserted).
  AttributeTemplate(std::string_view text, char tag);

  // Writes all attributes at `out`, which has room for size_max().
  char* write(const TraceValues& values, uint16_t status, base::Random& random, char* out) const;
  size_t size_max() const { return size_max_; }
  size_t count() const { return count_; }

 private:
  struct Part {
    std::string literal;  // before the hole
    Hole hole = Hole::User;
    uint8_t argument = 0;
    bool has_hole = false;
  };
  struct Step {
    std::string bytes;  // whole attributes, or the key field of the one that follows
    bool is_number = false;
    std::vector<Part> parts;  // of the value; empty: `bytes` is all there is
  };
  void add(std::string_view key, std::string_view value);
  void add_constant(std::string_view encoded);
  static std::vector<Part> split(std::string_view text);
  char* write_value(const Step& step, const TraceValues& values, uint16_t status, base::Random& random,
                    char* out) const;

  char tag_;
  std::vector<Step> steps_;
  size_t size_max_ = 0;
  size_t count_ = 0;
};

}  // namespace backstitch::app::gen
