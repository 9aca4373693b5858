// Attributes of spans, events and links: which rows have one, and what a condition says of its values.
//
// A value column is dense: it has one value for each time that the shape of a row names it. So each shape tells, once
// for the block, which column holds the first value of the key, and how far every column moves on.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/feature_plan.h"
#include "store/block/scan/verdicts.h"

namespace backstitch::store::block {

// Which value of which column each row has for one key at one level, Span, Event or Link. Immutable.
class AttributeColumns {
 public:
  struct Part {
    const ColumnIndex* column = nullptr;
    std::vector<uint8_t> counts;  // by shape: how often it names the column
  };

  AttributeColumns(const Block& block, model::AttributeLevel level, std::string_view key);

  const std::vector<Part>& parts() const { return parts_; }
  // Whole messages of any key, in the last part, stand between the values: each row needs a look at all of them.
  bool has_whole_messages() const { return has_whole_messages_; }
  // The part that has a row's first value, by shape; kNone where the shape has no such key.
  static constexpr uint8_t kNone = UINT8_MAX;
  const std::vector<uint8_t>& first_parts() const { return first_parts_; }
  const Shape& shape(uint32_t code) const { return block_.index().shapes[code]; }
  uint8_t part_of(uint32_t column) const;
  // Codes of shapes of the level's rows in a group, all of them known.
  std::span<const uint32_t> shapes(GroupColumns& group) const;

 private:
  uint8_t first_part_of(const Shape& shape) const;

  const Block& block_;
  const model::AttributeLevel level_;
  std::vector<Part> parts_;
  std::vector<uint8_t> first_parts_;
  bool has_whole_messages_ = false;
};

// A comparison with the attribute. Immutable.
class AttributeTest {
 public:
  AttributeTest(const Block& block, model::AttributeLevel level, std::string_view key,
                const traceql::LiteralComparison& comparison, Spending& spending);

  bool may_have(Verdict flag, uint32_t group) const;
  // One for each span, event or link of the group: 0, kPresent, kPresent | kHolds. Empty where no row holds and
  // `wants_presence` is false.
  std::vector<Verdict> judge(GroupColumns& group, bool wants_presence) const;

 private:
  struct PartTest {
    TextVerdicts texts;             // of String, Message and KeyValue
    std::vector<Verdict> booleans;  // of Bool: of false and true
  };
  void bind_part(size_t part, std::string_view key, const Block& block, Spending& spending);
  std::vector<Verdict> judge_values(size_t part, GroupColumns& group) const;
  std::vector<Verdict> spread(std::span<const uint32_t> shapes, const std::vector<std::vector<Verdict>>& values) const;
  std::vector<Verdict> spread_slowly(std::span<const uint32_t> shapes,
                                     const std::vector<std::vector<Verdict>>& values) const;

  AttributeColumns columns_;
  traceql::LiteralComparison comparison_;
  IntTest int_test_;
  std::vector<PartTest> tests_;
  bool needs_every_value_ = false;  // the first value that a shape names need not be the attribute
};

}  // namespace backstitch::store::block
