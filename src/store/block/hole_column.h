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

// Some rows of a column, read out of its bytes as they are asked for.
class HoleColumn {
 public:
  // Corrupt where `part` isn't exactly one column of `count` rows, as far as `rows` need it, or grows beyond
  // `bytes_max` by being decoded. Borrows `part`.
  static base::Result<HoleColumn> take(const Hole& hole, std::string_view part, size_t count, RowRange rows,
                                       size_t bytes_max);

  // `row` is one of `rows`.
  void append(size_t row, std::string& out) const;
  size_t content_bytes() const { return texts_.storage.size() + fixed_bytes_; }

 private:
  base::Result<> take_fixed(std::string_view part, size_t count, size_t bytes_max);
  base::Result<> take_numbers(std::string_view part, size_t count, size_t bytes_max);
  std::string_view fixed_of(size_t row, std::string& made) const;

  Hole hole_;
  RowRange rows_;
  uint8_t number_digits_ = kNumbersPlain;
  std::vector<uint64_t> numbers_;  // of rows_
  Strings texts_;                  // of all rows
  // Of ids, all rows, in the order that the column has them in.
  uint8_t fixed_order_ = 0;
  std::string_view fixed_;  // by rows, or random
  std::string planes_;      // one behind the other
  size_t count_ = 0;
  size_t fixed_bytes_ = 0;
};

}  // namespace backstitch::store::block
