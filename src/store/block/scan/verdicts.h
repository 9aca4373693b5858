// What a condition says of values, decided once for each: of every text of a column's dictionary, and of numbers by a
// test that is prepared once.
#pragma once

#include <absl/functional/function_ref.h>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/trace.h"
#include "store/block/block.h"
#include "store/block/scan/bitmap.h"
#include "store/block/scan/group_columns.h"
#include "traceql/compare.h"

namespace backstitch::store::block {

// Of one value, or one row. Bits.
using Verdict = uint8_t;
constexpr Verdict kHolds = 1;
constexpr Verdict kPresent = 2;     // the row has the attribute at all
constexpr Verdict kUnreadable = 4;  // the page that the text is in cannot be read, or was not for a bound

using Judge = absl::FunctionRef<Verdict(std::string_view)>;

// Calls `take` with each text of a dictionary and its code, but for those on pages that cannot be read, or that a bound
// came before: of these, it calls `skip` with the group and the number of texts.
void for_each_text(const Block& block, const ColumnIndex& column, Spending& spending,
                   absl::FunctionRef<void(uint32_t group, std::string_view)> take,
                   absl::FunctionRef<void(uint32_t group, uint32_t texts)> skip);

// Verdicts on the texts of one column, by code. Immutable once made.
class TextVerdicts {
 public:
  TextVerdicts() = default;
  // Reads the whole dictionary.
  TextVerdicts(const Block& block, const ColumnIndex& column, Spending& spending, Judge judge);
  // kHolds for one text, `other` for all others: reads no more of the dictionary than it takes to find it.
  static TextVerdicts of_one(const Block& block, const ColumnIndex& column, Spending& spending, std::string_view text,
                             Verdict other);

  // False where no row of the group can have `flag`: texts appear in the dictionary with the group that has them first.
  bool may_have(Verdict flag, uint32_t group) const;
  bool may_have(Verdict flag) const { return may_have(flag, UINT32_MAX); }
  // Of rows of that column. Fails `group` where a row's text is unreadable.
  void judge(GroupColumns& group, std::span<const uint32_t> codes, std::vector<Verdict>& verdicts) const;
  Bitmap rows_with(Verdict flag, GroupColumns& group, std::span<const uint32_t> codes) const;

 private:
  void note(Verdict verdict, uint32_t group);

  std::vector<Verdict> by_code_;
  uint32_t first_group_[8] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
                              UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};  // by flag
};

// A comparison for integers (attributes, durations, counts).
class IntTest {
 public:
  explicit IntTest(traceql::LiteralComparison comparison);

  bool holds(int64_t value) const {
    return is_range_ ? (min_ <= value && value <= max_) != is_inverted_ : comparison_.holds_int(value);
  }
  // False where no value of [min, max] holds, for sure.
  bool may_hold(int64_t min, int64_t max) const;
  // One byte for each zigzag code: `present` or `present` | kHolds.
  void judge(std::span<const uint64_t> zigzags, Verdict present, std::vector<Verdict>& verdicts) const;
  Bitmap rows(std::span<const int64_t> values) const;

 private:
  void hold_to(int64_t wanted);

  traceql::LiteralComparison comparison_;
  bool is_range_ = false;
  bool is_inverted_ = false;
  int64_t min_ = 1;  // nothing holds
  int64_t max_ = 0;
};

Bitmap rows_with(Verdict flag, std::span<const Verdict> verdicts);

// Of an attribute's value.
Verdict verdict_on(const model::Value& value, const traceql::LiteralComparison& comparison);
Verdict verdict_on(const model::Attributes& attributes, std::string_view key,
                   const traceql::LiteralComparison& comparison);

}  // namespace backstitch::store::block
