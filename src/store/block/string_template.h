// Strings as templates with holes: "/products/83712?page=3" is the template "/products/#?page=#" and 83712 and 3.
//
// A template is literal bytes and marks of holes. Cutting a string never loses a byte: what a hole takes is decided by
// its text alone, and a string that holds the bytes of marks isn't cut at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::store::block {

// Marks in a template's text. Written to disk: never renumbered. Each hex mark is followed by a byte, the digits.
enum class HoleKind : uint8_t {
  Number = 1,    // decimal digits, 1 to 19
  HexLower = 2,  // 1 to 255 digits
  HexUpper = 3,
  UuidLower = 4,  // 36 characters
  UuidUpper = 5,
  Text = 6,  // ASCII letters and digits
};
constexpr uint8_t kHoleKindMax = 6;
constexpr size_t kHolesMax = 32;  // in one template
constexpr size_t kNumberDigitsMax = 19;
constexpr size_t kUuidCharacters = 36;
constexpr size_t kUuidBytes = 16;

struct Hole {
  HoleKind kind = HoleKind::Text;
  uint8_t digits = 0;          // of hex
  uint32_t literal_bytes = 0;  // of the template, between the hole before it and this one

  bool is_fixed() const { return kind != HoleKind::Number && kind != HoleKind::Text; }
  // Of fixed holes.
  size_t stored_bytes() const { return digits == 0 ? kUuidBytes : (size_t{digits} + 1) / 2; }
  size_t characters() const { return digits == 0 ? kUuidCharacters : digits; }
};

// Cuts `value`: its template's text, and what its holes hold. False where it cannot be cut or has no holes.
bool cut(std::string_view value, std::string& text, std::vector<std::string_view>& holes);

class Template {
 public:
  // Borrows `text`. Corrupt where its marks aren't whole, too many, or followed by what would belong to their hole.
  static base::Result<Template> parse(std::string_view text);

  const std::vector<Hole>& holes() const { return holes_; }
  std::string_view literals() const { return literals_; }  // of all holes, then the end

  // What the holes hold if `value` has this template.
  std::optional<std::vector<std::string_view>> match(std::string_view value) const;

 private:
  std::vector<Hole> holes_;
  std::string literals_;
};

// Hex digits and UUIDs, of one case, to and from their bytes. The last digit of an odd number is a byte's high half.
void append_packed(const Hole& hole, std::string_view characters, std::string& bytes);
void append_unpacked(const Hole& hole, std::string_view bytes, std::string& characters);

}  // namespace backstitch::store::block
