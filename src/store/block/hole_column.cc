#include "store/block/hole_column.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "store/block/bit_stream.h"
#include "store/block/string_page.h"

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

// Ids of time, machine and counter, and UUIDs of a version, have bytes that hardly change: planes save them.
void put_planes(std::string_view rows, size_t width, std::string& out) {
  std::string plane(rows.size() / width, '\0');
  std::string block;
  for (size_t byte = 0; byte < width; ++byte) {
    for (size_t row = 0; row < plane.size(); ++row) plane[row] = rows[row * width + byte];
    block.clear();
    encode_block(plane, block);
    put_part(block, out);
  }
}

// A UUID of version 4 without the bits that tell so: fourteen bytes, and ten bits of the seventh and the ninth byte.
constexpr size_t kVersionByte = 6;
constexpr size_t kVariantByte = 8;
constexpr size_t kRandomBytes = 14;
constexpr unsigned kRandomBits = 10;

bool are_random(const Hole& hole, std::string_view rows) {
  if (hole.digits != 0) return false;
  for (size_t at = 0; at < rows.size(); at += kUuidBytes) {
    if ((rows[at + kVersionByte] & 0xf0) != 0x40 || (rows[at + kVariantByte] & 0xc0) != 0x80) return false;
  }
  return true;
}

std::string random_bytes(std::string_view uuid) {
  std::string bytes(uuid.substr(0, kVersionByte));
  bytes += uuid[kVersionByte + 1];
  return bytes.append(uuid.substr(kVariantByte + 1));
}

uint64_t random_bits(std::string_view uuid) {
  return (static_cast<uint8_t>(uuid[kVersionByte]) & 0x0fU) | (static_cast<uint8_t>(uuid[kVariantByte]) & 0x3fU) << 4;
}

size_t random_size(size_t count) { return count * kRandomBytes + bytes_of_bits(uint64_t{count} * kRandomBits); }

void put_random(std::string_view rows, std::string& out) {
  std::string bits;
  BitWriter writer(bits);
  for (size_t at = 0; at < rows.size(); at += kUuidBytes) {
    out += random_bytes(rows.substr(at, kUuidBytes));
    writer.put(random_bits(rows.substr(at, kUuidBytes)), kRandomBits);
  }
  writer.finish();
  out += bits;
}

// One of the UUIDs that put_random wrote.
void take_random(std::string_view stored, size_t count, size_t row, std::string& uuid) {
  BitReader bits(stored.substr(count * kRandomBytes));
  bits.skip(uint64_t{row} * kRandomBits);
  const std::string_view bytes = stored.substr(row * kRandomBytes, kRandomBytes);
  const uint64_t rest = bits.take(kRandomBits);
  uuid.assign(bytes.substr(0, kVersionByte));
  uuid += static_cast<char>(0x40 | (rest & 0x0f));
  uuid += bytes[kVersionByte];
  uuid += static_cast<char>(0x80 | rest >> 4);
  uuid += bytes.substr(kVersionByte + 1);
}

void put_fixed(const Hole& hole, std::span<const std::string_view> values, std::string& out) {
  std::string rows;
  for (const std::string_view value : values) append_packed(hole, value, rows);
  if (are_random(hole, rows)) {
    out += static_cast<char>(kFixedRandom);
    return put_random(rows, out);
  }
  std::string planes;
  put_planes(rows, hole.stored_bytes(), planes);
  const bool are_smaller = planes.size() < rows.size();
  out += static_cast<char>(are_smaller ? kFixedPlanes : kFixedRows);
  out += are_smaller ? planes : rows;
}

// Each keeps the rows that are equal.

base::Result<> keep_equal_planes(PageReader& reader, size_t count, std::string_view wanted,
                                 std::vector<uint32_t>& rows) {
  std::string storage;
  for (const char byte : wanted) {
    if (rows.empty()) return {};
    const std::string_view block = reader.part();
    auto plane = raw_block(block, count);
    if (!plane) {
      if (auto decoded = decode_block(block, count, storage); !decoded) return decoded;
      plane = storage;
    }
    std::erase_if(rows, [&](uint32_t row) { return (*plane)[row] != byte; });
  }
  return {};
}

void keep_equal_random(std::string_view stored, size_t count, std::string_view wanted, std::vector<uint32_t>& rows) {
  const Hole any_uuid;
  if (!are_random(any_uuid, wanted)) return rows.clear();
  const std::string bytes = random_bytes(wanted);
  std::erase_if(rows, [&](uint32_t row) { return stored.substr(row * kRandomBytes, kRandomBytes) != bytes; });
  if (rows.empty()) return;
  std::string uuid;
  std::erase_if(rows, [&](uint32_t row) {
    take_random(stored, count, row, uuid);
    return uuid != wanted;
  });
}

base::Result<> keep_equal_fixed(const Hole& hole, std::string_view part, size_t count, std::string_view value,
                                std::vector<uint32_t>& rows) {
  std::string wanted;
  append_packed(hole, value, wanted);
  PageReader reader(part);
  const uint8_t order = reader.byte();
  if (reader.ok() && order == kFixedPlanes) return keep_equal_planes(reader, count, wanted, rows);
  const std::string_view ids = reader.rest();
  if (reader.ok() && order == kFixedRandom && wanted.size() == kUuidBytes && ids.size() == random_size(count)) {
    keep_equal_random(ids, count, wanted, rows);
    return {};
  }
  if (!reader.ok() || order != kFixedRows || ids.size() != count * wanted.size()) {
    return std::unexpected(corrupt_page("ids of another number"));
  }
  std::erase_if(rows, [&](uint32_t row) { return ids.substr(row * wanted.size(), wanted.size()) != wanted; });
  return {};
}

base::Result<> keep_equal_text(PageReader& reader, size_t count, std::string_view value, std::vector<uint32_t>& rows) {
  Strings texts;
  if (auto taken = take_plain(reader, count, kExpandedBytesMax, texts); !taken) return taken;
  std::erase_if(rows, [&](uint32_t row) { return texts[row] != value; });
  return {};
}

base::Result<> keep_equal_number(std::string_view part, size_t count, std::string_view value,
                                 std::vector<uint32_t>& rows) {
  PageReader reader(part);
  const uint8_t digits = reader.byte();
  if (!reader.ok()) return std::unexpected(corrupt_page("numbers without a form"));
  if (digits == kNumbersAsText) return keep_equal_text(reader, count, value, rows);
  std::string shortest;
  append_number(number_of(value), digits, shortest);
  if (shortest != value) {  // zeros in front where there are none, or the other way round
    rows.clear();
    return {};
  }
  std::vector<uint64_t> numbers;
  if (auto decoded = decode_integers(reader.rest(), count, numbers); !decoded) return decoded;
  std::erase_if(rows, [&, wanted = number_of(value)](uint32_t row) { return numbers[row] != wanted; });
  return {};
}

}  // namespace

void put_column(const Hole& hole, std::span<const std::string_view> values, HoleState& state, std::string& out) {
  assert(!values.empty());
  if (hole.is_fixed()) return put_fixed(hole, values, out);
  if (hole.kind == HoleKind::Number) return put_numbers(values, state, out);
  put_plain(values, state.texts, out);
}

base::Result<> keep_equal(const Hole& hole, std::string_view part, size_t count, std::string_view value,
                          std::vector<uint32_t>& rows) {
  if (hole.is_fixed()) return keep_equal_fixed(hole, part, count, value, rows);
  if (hole.kind == HoleKind::Number) return keep_equal_number(part, count, value, rows);
  PageReader reader(part);
  return keep_equal_text(reader, count, value, rows);
}

base::Result<HoleColumn> HoleColumn::take(const Hole& hole, std::string_view part, size_t count, RowRange rows,
                                          size_t bytes_max) {
  HoleColumn column;
  column.hole_ = hole;
  column.rows_ = rows;
  column.count_ = count;
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

base::Result<> HoleColumn::take_fixed(std::string_view part, size_t count, size_t bytes_max) {
  const size_t width = hole_.stored_bytes();
  if (count * width > bytes_max) return std::unexpected(corrupt_page("more bytes of ids than the limit"));
  fixed_bytes_ = count * width;
  PageReader reader(part);
  fixed_order_ = reader.byte();
  if (!reader.ok() || fixed_order_ > kFixedRandom) return std::unexpected(corrupt_page("ids in an unknown order"));
  if (fixed_order_ != kFixedPlanes) {
    fixed_ = reader.rest();
    const bool is_random = fixed_order_ == kFixedRandom;
    if ((is_random && width != kUuidBytes) || fixed_.size() != (is_random ? random_size(count) : count * width)) {
      return std::unexpected(corrupt_page("ids of another number"));
    }
    return {};
  }
  std::string storage;
  for (size_t byte = 0; byte < width; ++byte) {
    const std::string_view block = reader.part();
    if (!reader.ok()) return std::unexpected(corrupt_page("a byte plane is missing"));
    const auto plane = open_block(block, count, storage);
    if (!plane) return std::unexpected(plane.error());
    planes_.append(*plane);
  }
  if (!reader.at_end()) return std::unexpected(corrupt_page("bytes behind the last plane"));
  return {};
}

base::Result<> HoleColumn::take_numbers(std::string_view part, size_t count, size_t bytes_max) {
  PageReader reader(part);
  number_digits_ = reader.byte();
  if (!reader.ok()) return std::unexpected(corrupt_page("numbers without a form"));
  if (number_digits_ == kNumbersAsText) return take_plain(reader, count, bytes_max, texts_);
  if (number_digits_ > kNumberDigitsMax) return std::unexpected(corrupt_page("numbers of too many digits"));
  return decode_integers(reader.rest(), count, rows_, numbers_);
}

// A row's id, in the column or in `made`.
std::string_view HoleColumn::fixed_of(size_t row, std::string& made) const {
  const size_t width = hole_.stored_bytes();
  if (fixed_order_ == kFixedRows) return fixed_.substr(row * width, width);
  if (fixed_order_ == kFixedRandom) {
    take_random(fixed_, count_, row, made);
  } else {
    made.clear();
    for (size_t byte = 0; byte < width; ++byte) made += planes_[byte * count_ + row];
  }
  return made;
}

void HoleColumn::append(size_t row, std::string& out) const {
  if (hole_.is_fixed()) {
    std::string made;  // ids are short: mostly without memory of its own
    return append_unpacked(hole_, fixed_of(row, made), out);
  }
  if (is_as_text(hole_, number_digits_)) {
    out += texts_[row];
    return;
  }
  append_number(numbers_[row - rows_.first], number_digits_, out);
}

}  // namespace backstitch::store::block
