#include "store/block/string_template.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "store/block/page_bytes.h"

namespace backstitch::store::block {
namespace {

constexpr uint8_t kDigit = 1;
constexpr uint8_t kLowerHex = 2;  // a to f
constexpr uint8_t kUpperHex = 4;
constexpr uint8_t kLetter = 8;  // all of them
constexpr uint8_t kMark = 16;
constexpr uint8_t kWord = kDigit | kLetter;

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (int c = '0'; c <= '9'; ++c) classes[c] = kDigit;
  for (int c = 'a'; c <= 'z'; ++c) classes[c] = static_cast<uint8_t>(kLetter | (c <= 'f' ? kLowerHex : 0));
  for (int c = 'A'; c <= 'Z'; ++c) classes[c] = static_cast<uint8_t>(kLetter | (c <= 'F' ? kUpperHex : 0));
  for (int c = 1; c <= kHoleKindMax; ++c) classes[c] = kMark;
  return classes;
}();

constexpr size_t kHexDigitsMin = 8;     // shorter runs are words more often than ids
constexpr size_t kMixedMin = 6;         // characters of a run that is an id of letters and digits
constexpr size_t kAlternationsMin = 4;  // of letters and digits in such a run
// Of a UUID: where its dashes are, and where the two digits of each of its bytes begin.
constexpr size_t kDashes[] = {8, 13, 18, 23};
constexpr std::array<uint8_t, kUuidBytes> kUuidPairs = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

constexpr std::array<uint8_t, 256> kDigitValues = [] {
  std::array<uint8_t, 256> values{};
  for (int digit = 0; digit < 10; ++digit) values['0' + digit] = static_cast<uint8_t>(digit);
  for (int digit = 10; digit < 16; ++digit) {
    values['a' + digit - 10] = values['A' + digit - 10] = static_cast<uint8_t>(digit);
  }
  return values;
}();

uint8_t class_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }
bool is_digit(char c) { return class_of(c) == kDigit; }
bool is_word(char c) { return (class_of(c) & kWord) != 0; }

size_t run_end(std::string_view value, size_t at, uint8_t classes) {
  while (at < value.size() && (class_of(value[at]) & classes) != 0) ++at;
  return at;
}

// Whether all characters are digits or hex letters of one case: which.
std::optional<HoleKind> hex_case(std::string_view characters) {
  uint8_t all = 0;
  bool is_hex = true;
  for (const char c : characters) {  // without a branch: random digits would be mispredicted
    all |= class_of(c);
    is_hex &= (class_of(c) & (kDigit | kLowerHex | kUpperHex)) != 0;
  }
  if (!is_hex || (all & (kLowerHex | kUpperHex)) == (kLowerHex | kUpperHex)) return std::nullopt;
  return (all & kUpperHex) == 0 ? HoleKind::HexLower : HoleKind::HexUpper;
}

// The UUID that `value` begins with.
std::optional<HoleKind> uuid_case(std::string_view value) {
  if (value.size() < kUuidCharacters) return std::nullopt;
  for (const size_t dash : kDashes) {
    if (value[dash] != '-') return std::nullopt;
  }
  std::array<char, 2 * kUuidBytes> digits;
  for (size_t byte = 0; byte < kUuidBytes; ++byte) std::memcpy(&digits[2 * byte], &value[kUuidPairs[byte]], 2);
  const auto found = hex_case({digits.data(), digits.size()});
  if (!found) return std::nullopt;
  return *found == HoleKind::HexLower ? HoleKind::UuidLower : HoleKind::UuidUpper;
}

class Cutter {
 public:
  Cutter(std::string_view value, std::string& text, std::vector<std::string_view>& holes)
      : value_(value), text_(text), holes_(holes) {}

  bool cut() {
    while (at_ < value_.size()) {
      const uint8_t first = class_of(value_[at_]);
      if (first == kMark) return false;
      if ((first & kWord) == 0) {
        text_ += value_[at_++];
      } else if (!cut_uuid()) {
        cut_run(run_end(value_, at_, kWord) - at_);
      }
      if (holes_.size() > kHolesMax) return false;
    }
    return !holes_.empty();
  }

 private:
  bool cut_uuid() {
    const std::string_view rest = value_.substr(at_);
    const auto kind = uuid_case(rest);
    if (!kind || (rest.size() > kUuidCharacters && is_word(rest[kUuidCharacters]))) return false;
    take(*kind, kUuidCharacters);
    return true;
  }

  // A run of letters and digits, whole.
  void cut_run(size_t size) {
    const std::string_view run = value_.substr(at_, size);
    size_t alternations = 0;
    for (size_t i = 1; i < size; ++i) alternations += is_digit(run[i]) != is_digit(run[i - 1]) ? 1 : 0;
    if (alternations == 0) {
      if (!is_digit(run[0])) return literal(size);
      return take(size <= kNumberDigitsMax ? HoleKind::Number : HoleKind::Text, size);
    }
    const auto hex = size >= kHexDigitsMin && size <= 255 ? hex_case(run) : std::nullopt;
    if (hex) return take(*hex, size);
    if (size > kNumberDigitsMax || (size >= kMixedMin && alternations >= kAlternationsMin)) {
      return take(HoleKind::Text, size);
    }
    cut_numbers(at_ + size);
  }

  void cut_numbers(size_t end) {
    while (at_ < end) {
      const size_t digits = run_end(value_, at_, kDigit) - at_;
      if (digits > 0) {
        take(HoleKind::Number, digits);
      } else {
        literal(run_end(value_, at_, kLetter) - at_);
      }
    }
  }

  void literal(size_t size) {
    text_.append(value_, at_, size);
    at_ += size;
  }

  void take(HoleKind kind, size_t size) {
    text_ += static_cast<char>(kind);
    if (kind == HoleKind::HexLower || kind == HoleKind::HexUpper) text_ += static_cast<char>(size);
    holes_.push_back(value_.substr(at_, size));
    at_ += size;
  }

  std::string_view value_;
  std::string& text_;
  std::vector<std::string_view>& holes_;
  size_t at_ = 0;
};

// Whether `hole` takes all of its characters at the beginning of `rest`: how many.
std::optional<size_t> match_hole(const Hole& hole, std::string_view rest) {
  if (hole.kind == HoleKind::Number || hole.kind == HoleKind::Text) {
    const size_t size = run_end(rest, 0, hole.kind == HoleKind::Number ? kDigit : kWord);
    if (size == 0 || (hole.kind == HoleKind::Number && size > kNumberDigitsMax)) return std::nullopt;
    return size;
  }
  if (rest.size() < hole.characters()) return std::nullopt;
  const auto found = hole.digits == 0 ? uuid_case(rest) : hex_case(rest.substr(0, hole.digits));
  if (!found) return std::nullopt;
  // Digits alone are of both cases.
  const bool is_upper = hole.kind == HoleKind::HexUpper || hole.kind == HoleKind::UuidUpper;
  const bool has_case =
      std::ranges::any_of(rest.substr(0, hole.characters()), [](char c) { return (class_of(c) & kLetter) != 0; });
  if (has_case && is_upper != (*found == HoleKind::HexUpper || *found == HoleKind::UuidUpper)) return std::nullopt;
  return hole.characters();
}

uint8_t digit_value(char c) { return kDigitValues[static_cast<uint8_t>(c)]; }

char packed_pair(const char* digits) { return static_cast<char>(digit_value(digits[0]) << 4 | digit_value(digits[1])); }

}  // namespace

bool cut(std::string_view value, std::string& text, std::vector<std::string_view>& holes) {
  return Cutter(value, text, holes).cut();
}

base::Result<Template> Template::parse(std::string_view text) {
  Template made;
  size_t literal_begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const uint8_t first = class_of(text[at]);
    // What follows a hole must not be able to belong to it.
    const bool follows = !made.holes_.empty() && literal_begin == made.literals_.size() && at > 0;
    const auto before = follows ? made.holes_.back().kind : HoleKind::UuidLower;
    if ((before == HoleKind::Number && (first & (kDigit | kMark)) != 0) ||
        (before == HoleKind::Text && (first & (kWord | kMark)) != 0)) {
      return std::unexpected(corrupt_page("a template whose holes run together"));
    }
    if (first != kMark) {
      made.literals_ += text[at];
      continue;
    }
    Hole hole{.kind = static_cast<HoleKind>(text[at]),
              .literal_bytes = static_cast<uint32_t>(made.literals_.size() - literal_begin)};
    if (hole.kind == HoleKind::HexLower || hole.kind == HoleKind::HexUpper) {
      if (++at == text.size() || text[at] == 0) return std::unexpected(corrupt_page("a hex hole without digits"));
      hole.digits = static_cast<uint8_t>(text[at]);
    }
    if (made.holes_.size() == kHolesMax) return std::unexpected(corrupt_page("a template with too many holes"));
    made.holes_.push_back(hole);
    literal_begin = made.literals_.size();
  }
  return made;
}

std::optional<std::vector<std::string_view>> Template::match(std::string_view value) const {
  std::vector<std::string_view> found;
  std::string_view literals = literals_;
  for (const Hole& hole : holes_) {
    if (!value.starts_with(literals.substr(0, hole.literal_bytes))) return std::nullopt;
    value.remove_prefix(hole.literal_bytes);
    literals.remove_prefix(hole.literal_bytes);
    const auto size = match_hole(hole, value);
    if (!size) return std::nullopt;
    found.push_back(value.substr(0, *size));
    value.remove_prefix(*size);
  }
  if (value != literals) return std::nullopt;
  return found;
}

void append_packed(const Hole& hole, std::string_view characters, std::string& bytes) {
  size_t at = bytes.size();
  bytes.resize(at + hole.stored_bytes());
  if (hole.digits == 0) {
    for (const uint8_t pair : kUuidPairs) bytes[at++] = packed_pair(&characters[pair]);
    return;
  }
  for (size_t i = 0; i + 1 < characters.size(); i += 2) bytes[at++] = packed_pair(&characters[i]);
  if (characters.size() % 2 == 1) bytes[at] = static_cast<char>(digit_value(characters.back()) << 4);
}

void append_unpacked(const Hole& hole, std::string_view bytes, std::string& characters) {
  const bool is_upper = hole.kind == HoleKind::HexUpper || hole.kind == HoleKind::UuidUpper;
  const char* digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
  const size_t begin = characters.size();
  characters.resize(begin + hole.characters(), '-');
  char* to = characters.data() + begin;
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    const auto value = static_cast<uint8_t>(bytes[byte]);
    const size_t at = hole.digits == 0 ? kUuidPairs[byte] : 2 * byte;
    to[at] = digits[value >> 4];
    if (at + 1 < hole.characters()) to[at + 1] = digits[value & 15];
  }
}

}  // namespace backstitch::store::block
