// What the same hole of the same template holds, row by row: the columns inside a page of strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/block/string_codecs.h"
#include "store/block/string_template.h"

namespace backstitch::store::block {

// How a column of numbers is stored. 1 to 19: numbers of so many digits, zeros in front. Written to disk.
constexpr uint8_t kNumbersPlain = 0;     // no zeros in front
constexpr uint8_t kNumbersAsText = 255;  // both kinds

// How a column of ids is stored. Written to disk.
constexpr uint8_t kFixedRows = 0;    // one after the other
constexpr uint8_t kFixedPlanes = 1;  // the first byte of all rows, then the second
constexpr uint8_t kFixedRandom = 2;  // UUIDs of version 4 (RFC 9562): without the six bits that all have

struct HoleState {
  IntegerEncoder numbers;
  PlainState texts;
};

// Appends the column of what `values` hold, in the hole's own form. `values` isn't empty.
void put_column(const Hole& hole, std::span<const std::string_view> values, HoleState& state, std::string& out);

// Of `rows`, which are ascending and below `count`, keeps those whose hole holds `value`, which the hole could hold.
base::Result<> keep_equal(const Hole& hole, std::string_view part, size_t count, std::string_view value,
                          std::vector<uint32_t>& rows);

// A column, decoded.
class HoleColumn {
 public:
  // Corrupt where `part` isn't exactly one column of `count` rows, or grows beyond `bytes_max` by being decoded.
  static base::Result<HoleColumn> take(const Hole& hole, std::string_view part, size_t count, size_t bytes_max);

  void append(size_t row, std::string& out) const;
  size_t content_bytes() const { return texts_.storage.size() + fixed_.size(); }

 private:
  base::Result<> take_numbers(std::string_view part, size_t count, size_t bytes_max);

  Hole hole_;
  uint8_t number_digits_ = kNumbersPlain;
  std::vector<uint64_t> numbers_;
  Strings texts_;
  std::string fixed_;  // stored_bytes() a row
};

}  // namespace backstitch::store::block
