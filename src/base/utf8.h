// UTF-8 (RFC 3629) in texts from outside that may hold anything: checked, repaired, cut between characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace backstitch::base {

// What the bytes at the front of a text are: one character, or the longest run of bytes that no character begins
// with or that one ends too early (Unicode 15, 3.9, "maximal subpart"; what WHATWG's decoder replaces as one).
struct Utf8Step {
  uint8_t size;  // 1 to 4 bytes
  bool is_valid;
  uint32_t code_point;  // 0 where not valid
};
// `text` is not empty.
Utf8Step utf8_step(std::string_view text);

bool is_utf8(std::string_view text);
// Appends `text`, U+FFFD in place of each maximal part that is wrong.
void append_utf8(std::string_view text, std::string& out);
// Of a surrogate, which is no character, the three bytes that append_utf8() replaces.
void append_code_point(uint32_t code_point, std::string& out);

// The longest beginning of whole characters that is no longer than `bytes_max`. `text` is UTF-8.
std::string_view first_characters(std::string_view text, size_t bytes_max);

}  // namespace backstitch::base
