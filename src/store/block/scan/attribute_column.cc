#include "store/block/scan/attribute_column.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

#include "store/block/text_messages.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;

Field shape_field(AttributeLevel level) {
  if (level == AttributeLevel::Event) return Field::EventShape;
  return level == AttributeLevel::Link ? Field::LinkShape : Field::Shape;
}

size_t row_count(const GroupIndex& group, AttributeLevel level) {
  if (level == AttributeLevel::Event) return group.events;
  return level == AttributeLevel::Link ? group.links : group.spans;
}

}  // namespace

AttributeColumns::AttributeColumns(const Block& block, AttributeLevel level, std::string_view key)
    : block_(block), level_(level) {
  const BlockIndex& index = block.index();
  const auto add = [&](const ColumnIndex* column) { parts_.push_back({.column = column, .counts = {}}); };
  // A key of a column is never empty; what has no key is in the messages.
  if (!key.empty()) std::ranges::for_each(index.find(level, key), add);
  const ColumnIndex* messages = index.find(ColumnId{Field::Attribute, level, ValueType::KeyValue, {}});
  has_whole_messages_ = messages != nullptr;
  if (has_whole_messages_) add(messages);
  first_parts_.resize(index.shapes.size(), kNone);
  for (Part& part : parts_) part.counts.resize(index.shapes.size(), 0);
  for (uint8_t part = 0; part < parts_.size(); ++part) {
    for (const uint32_t code : block.shapes_of(*parts_[part].column)) {
      uint8_t& count = parts_[part].counts[code];
      if (count == UINT8_MAX) has_whole_messages_ = true;  // the slow way counts for itself
      if (count < UINT8_MAX) ++count;
      uint8_t& first = first_parts_[code];
      if (first == kNone) {
        first = part;
      } else if (first != part) {
        first = first_part_of(index.shapes[code]);
      }
    }
  }
}

uint8_t AttributeColumns::first_part_of(const Shape& shape) const {
  for (const uint32_t column : shape) {
    if (const uint8_t part = part_of(column); part != kNone) return part;
  }
  return kNone;
}

uint8_t AttributeColumns::part_of(uint32_t column) const {
  const ColumnIndex* wanted = block_.index().columns.data() + column;
  for (size_t part = 0; part < parts_.size(); ++part) {
    if (parts_[part].column == wanted) return static_cast<uint8_t>(part);
  }
  return kNone;
}

std::span<const uint32_t> AttributeColumns::shapes(GroupColumns& group) const {
  if (row_count(group.index(), level_) == 0) return {};
  const auto codes = group.codes(shape_field(level_));
  uint32_t highest = 0;
  for (const uint32_t code : codes) highest = std::max(highest, code);
  if (highest < block_.index().shapes.size()) return codes;
  group.fail({base::Errc::Corrupt,
              fmt::format("block {}, group {}: a shape that is not there", block_.name(), group.group())});
  return {};
}

AttributeTest::AttributeTest(const Block& block, AttributeLevel level, std::string_view key,
                             const traceql::LiteralComparison& comparison, Spending& spending)
    : columns_(block, level, key), comparison_(comparison), int_test_(comparison), tests_(columns_.parts().size()) {
  for (size_t part = 0; part < tests_.size(); ++part) bind_part(part, key, block, spending);
  needs_every_value_ = needs_every_value_ || columns_.has_whole_messages();
}

void AttributeTest::bind_part(size_t part, std::string_view key, const Block& block, Spending& spending) {
  const ColumnIndex& column = *columns_.parts()[part].column;
  PartTest& test = tests_[part];
  const auto* text = comparison_.literal().value.as<std::string>();
  switch (column.id.type) {
    case ValueType::String:
      if (comparison_.op() == traceql::Operator::Equal && text != nullptr) {
        test.texts = TextVerdicts::of_one(block, column, spending, *text, kPresent);
      } else {
        test.texts = TextVerdicts(block, column, spending, [&](std::string_view value) {
          return static_cast<Verdict>(kPresent | (comparison_.holds_string(value) ? kHolds : 0));
        });
      }
      return;
    case ValueType::Message:
      test.texts = TextVerdicts(block, column, spending, [&](std::string_view message) {
        const auto value = decode_any_value(message);
        if (!value) needs_every_value_ = true;
        return value ? verdict_on(*value, comparison_) : Verdict{0};
      });
      return;
    case ValueType::KeyValue:
      test.texts = TextVerdicts(block, column, spending, [&](std::string_view message) {
        const auto attribute = decode_key_value(message);
        return attribute && attribute->key == key ? verdict_on(attribute->value, comparison_) : Verdict{0};
      });
      return;
    case ValueType::Bool:
      for (const bool value : {false, true}) test.booleans.push_back(verdict_on(model::Value(value), comparison_));
      return;
    default:
      return;
  }
}

bool AttributeTest::may_have(Verdict flag, uint32_t group) const {
  for (size_t part = 0; part < tests_.size(); ++part) {
    const ColumnIndex& column = *columns_.parts()[part].column;
    if (group != UINT32_MAX && column.pages[group].rows == 0) continue;
    if (!is_text(column.id) || tests_[part].texts.may_have(flag, group)) return true;
  }
  return false;
}

std::vector<Verdict> AttributeTest::judge_values(size_t part, GroupColumns& group) const {
  const ColumnIndex& column = *columns_.parts()[part].column;
  const PartTest& test = tests_[part];
  std::vector<Verdict> verdicts;
  if (column.pages[group.group()].rows == 0) return verdicts;
  if (is_text(column.id)) {
    test.texts.judge(group, group.codes(column), verdicts);
    return verdicts;
  }
  const auto numbers = group.numbers(column);
  if (column.id.type == ValueType::Int) {
    int_test_.judge(numbers, kPresent, verdicts);
    return verdicts;
  }
  verdicts.resize(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (column.id.type == ValueType::Bool) {
      verdicts[i] = test.booleans[numbers[i] != 0 ? 1 : 0];
    } else {
      verdicts[i] =
          static_cast<Verdict>(kPresent | (comparison_.holds_double(std::bit_cast<double>(numbers[i])) ? kHolds : 0));
    }
  }
  return verdicts;
}

std::vector<Verdict> AttributeTest::judge(GroupColumns& group, bool wants_presence) const {
  std::vector<std::vector<Verdict>> values(tests_.size());
  Verdict seen = 0;
  for (size_t part = 0; part < tests_.size(); ++part) {
    values[part] = judge_values(part, group);
    for (const Verdict verdict : values[part]) seen |= verdict;
  }
  if ((seen & kHolds) == 0 && !wants_presence) return {};
  const auto shapes = columns_.shapes(group);
  return needs_every_value_ ? spread_slowly(shapes, values) : spread(shapes, values);
}

std::vector<Verdict> AttributeTest::spread(std::span<const uint32_t> shapes,
                                           const std::vector<std::vector<Verdict>>& values) const {
  std::vector<Verdict> rows(shapes.size(), 0);
  const std::vector<uint8_t>& first = columns_.first_parts();
  for (size_t part = 0; part < values.size(); ++part) {
    const std::vector<uint8_t>& counts = columns_.parts()[part].counts;
    const std::vector<Verdict>& verdicts = values[part];
    if (verdicts.empty()) continue;
    size_t at = 0;
    for (size_t row = 0; row < shapes.size(); ++row) {
      const uint32_t shape = shapes[row];
      const uint8_t count = counts[shape];
      if (count == 0) continue;
      if (first[shape] == part && at < verdicts.size()) rows[row] = verdicts[at];
      at += count;
    }
  }
  return rows;
}

// The first value that is the attribute decides.
std::vector<Verdict> AttributeTest::spread_slowly(std::span<const uint32_t> shapes,
                                                  const std::vector<std::vector<Verdict>>& values) const {
  std::vector<Verdict> rows(shapes.size(), 0);
  std::vector<size_t> at(values.size(), 0);
  for (size_t row = 0; row < shapes.size(); ++row) {
    if (columns_.first_parts()[shapes[row]] == AttributeColumns::kNone) continue;
    for (const uint32_t column : columns_.shape(shapes[row])) {
      const uint8_t part = columns_.part_of(column);
      if (part == AttributeColumns::kNone) continue;
      const size_t i = at[part]++;
      if ((rows[row] & kPresent) == 0 && i < values[part].size()) rows[row] = values[part][i];
    }
  }
  return rows;
}

}  // namespace backstitch::store::block
