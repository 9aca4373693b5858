#include "store/block/hole_column.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

namespace backstitch::store::block {
namespace {

bool is_as_text(const Hole& hole, uint8_t digits) { return hole.kind == HoleKind::Text || digits == kNumbersAsText; }

uint64_t number_of(std::string_view digits) {
  uint64_t number = 0;
  for (const char c : digits) number = number * 10 + static_cast<uint64_t>(c - '0');
  return number;
}

bool has_zero_in_front(std::string_view digits) { return digits.size() > 1 && digits[0] == '0'; }

uint8_t digits_of(std::span<const std::string_view> values) {
  if (std::ranges::none_of(values, has_zero_in_front)) return kNumbersPlain;
  const size_t size = values[0].size();
  const bool is_even = std::ranges::all_of(values, [&](std::string_view value) { return value.size() == size; });
  return is_even ? static_cast<uint8_t>(size) : kNumbersAsText;
}

void append_number(uint64_t number, uint8_t digits, std::string& out) {
  std::array<char, 20> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  const auto size = static_cast<size_t>(end - text.data());
  if (size < digits) out.append(digits - size, '0');
  out.append(text.data(), size);
}

void put_numbers(std::span<const std::string_view> values, HoleState& state, std::string& out) {
  const uint8_t digits = digits_of(values);
  out += static_cast<char>(digits);
  if (digits == kNumbersAsText) return put_plain(values, state.texts, out);
  std::vector<uint64_t> numbers(values.size());
  std::ranges::transform(values, numbers.begin(), number_of);
  state.numbers.encode(std::span<const uint64_t>(numbers), out);
}

// Byte by byte of the rows: the first of all rows, then the second. Ids of time, machine and counter have bytes that
// hardly change.
void put_fixed(const Hole& hole, std::span<const std::string_view> values, std::string& out) {
  std::string rows;
  for (const std::string_view value : values) append_packed(hole, value, rows);
  const size_t width = hole.stored_bytes();
  std::string plane(values.size(), '\0');
  std::string block;
  for (size_t byte = 0; byte < width; ++byte) {
    for (size_t row = 0; row < values.size(); ++row) plane[row] = rows[row * width + byte];
    block.clear();
    encode_block(plane, block);
    put_part(block, out);
  }
}

}  // namespace

void put_column(const Hole& hole, std::span<const std::string_view> values, HoleState& state, std::string& out) {
  assert(!values.empty());
  if (hole.is_fixed()) return put_fixed(hole, values, out);
  if (hole.kind == HoleKind::Number) return put_numbers(values, state, out);
  put_plain(values, state.texts, out);
}

base::Result<HoleColumn> HoleColumn::take(const Hole& hole, std::string_view part, size_t count, size_t bytes_max) {
  HoleColumn column;
  column.hole_ = hole;
  base::Result<> taken;
  if (hole.is_fixed()) {
    taken = column.take_fixed(part, count, bytes_max);
  } else if (hole.kind == HoleKind::Number) {
    taken = column.take_numbers(part, count, bytes_max);
  } else {
    PageReader reader(part);
    taken = take_plain(reader, count, bytes_max, column.texts_);
  }
  if (!taken) return std::unexpected(taken.error());
  return column;
}

base::Result<> HoleColumn::take_numbers(std::string_view part, size_t count, size_t bytes_max) {
  PageReader reader(part);
  number_digits_ = reader.byte();
  if (!reader.ok()) return std::unexpected(corrupt_page("numbers without a form"));
  if (number_digits_ == kNumbersAsText) return take_plain(reader, count, bytes_max, texts_);
  if (number_digits_ > kNumberDigitsMax) return std::unexpected(corrupt_page("numbers of too many digits"));
  return decode_integers(reader.rest(), count, numbers_);
}

base::Result<> HoleColumn::take_fixed(std::string_view part, size_t count, size_t bytes_max) {
  const size_t width = hole_.stored_bytes();
  if (count * width > bytes_max) return std::unexpected(corrupt_page("more bytes of ids than the limit"));
  PageReader reader(part);
  std::string plane;
  for (size_t byte = 0; byte < width; ++byte) {
    const std::string_view block = reader.part();
    if (!reader.ok()) return std::unexpected(corrupt_page("a byte plane is missing"));
    if (auto decoded = decode_block(block, count, plane); !decoded) return decoded;
    if (byte == 0) fixed_.resize(count * width);
    for (size_t row = 0; row < count; ++row) fixed_[row * width + byte] = plane[row];
  }
  if (!reader.at_end()) return std::unexpected(corrupt_page("bytes behind the last plane"));
  return {};
}

void HoleColumn::append(size_t row, std::string& out) const {
  if (hole_.is_fixed()) {
    const size_t width = hole_.stored_bytes();
    return append_unpacked(hole_, std::string_view(fixed_).substr(row * width, width), out);
  }
  if (is_as_text(hole_, number_digits_)) {
    out += texts_[row];
    return;
  }
  append_number(numbers_[row], number_digits_, out);
}

bool HoleColumn::equals(size_t row, std::string_view value) const {
  std::string own;
  append(row, own);
  return own == value;
}

}  // namespace backstitch::store::block
