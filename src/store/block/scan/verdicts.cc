#include "store/block/scan/verdicts.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <utility>

#include "store/block/integer_page.h"

namespace backstitch::store::block {
namespace {

using traceql::Operator;

// The integer that is printed as `text`, and no other way.
std::optional<int64_t> integer_printed_as(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || fmt::format("{}", number) != text) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

void for_each_text(const Block& block, const ColumnIndex& column, Spending& spending,
                   absl::FunctionRef<void(uint32_t, std::string_view)> take,
                   absl::FunctionRef<void(uint32_t, uint32_t)> skip) {
  Texts texts;
  for (uint32_t group = 0; group < column.values.size(); ++group) {
    const PageRef& page = column.values[group];
    if (page.rows == 0) continue;
    if (!spending.may_go_on()) {
      skip(group, page.rows);
      continue;
    }
    spending.count_page(page.bytes);
    if (!block.read_values(column, group, texts)) {
      skip(group, page.rows);
      continue;
    }
    for (const std::string_view text : texts.values) take(group, text);
  }
}

TextVerdicts::TextVerdicts(const Block& block, const ColumnIndex& column, Spending& spending, Judge judge) {
  for_each_text(
      block, column, spending,
      [&](uint32_t group, std::string_view text) {
        by_code_.push_back(judge(text));
        note(by_code_.back(), group);
      },
      [&](uint32_t group, uint32_t texts) {
        by_code_.insert(by_code_.end(), texts, kUnreadable);
        note(kUnreadable, group);
      });
}

TextVerdicts TextVerdicts::of_one(const Block& block, const ColumnIndex& column, Spending& spending,
                                  std::string_view text, Verdict other) {
  TextVerdicts verdicts;
  bool is_found = false;
  for (uint32_t group = 0; group < column.values.size(); ++group) {
    const PageRef& page = column.values[group];
    if (page.rows == 0) continue;
    const size_t first = verdicts.by_code_.size();
    verdicts.by_code_.insert(verdicts.by_code_.end(), page.rows, other);
    verdicts.note(other, group);
    if (is_found) continue;
    base::Result<std::optional<size_t>> found = base::fail(base::Errc::Cancelled, "a bound was reached");
    if (spending.may_go_on()) {
      spending.count_page(page.bytes);
      found = block.find_value(column, group, text);
    }
    if (!found) {
      std::fill_n(verdicts.by_code_.begin() + static_cast<std::ptrdiff_t>(first), page.rows, kUnreadable);
      verdicts.note(kUnreadable, group);
    } else if (*found) {
      verdicts.by_code_[first + **found] = other | kHolds;
      verdicts.note(other | kHolds, group);
      is_found = true;
    }
  }
  return verdicts;
}

void TextVerdicts::note(Verdict verdict, uint32_t group) {
  for (const Verdict flag : {kHolds, kPresent, kUnreadable}) {
    if ((verdict & flag) != 0) first_group_[flag] = std::min(first_group_[flag], group);
  }
}

bool TextVerdicts::may_have(Verdict flag, uint32_t group) const {
  const auto has = [&](Verdict one) { return first_group_[one] != UINT32_MAX && first_group_[one] <= group; };
  return has(flag) || has(kUnreadable);
}

void TextVerdicts::judge(GroupColumns& group, std::span<const uint32_t> codes, std::vector<Verdict>& verdicts) const {
  verdicts.resize(codes.size());
  Verdict seen = 0;
  for (size_t row = 0; row < codes.size(); ++row) {
    verdicts[row] = codes[row] < by_code_.size() ? by_code_[codes[row]] : kUnreadable;
    seen |= verdicts[row];
  }
  if ((seen & kUnreadable) != 0) {
    group.fail({base::Errc::Corrupt, fmt::format("block {}, group {}: values of a column cannot be read",
                                                 group.block().name(), group.group())});
  }
}

Bitmap TextVerdicts::rows_with(Verdict flag, GroupColumns& group, std::span<const uint32_t> codes) const {
  std::vector<Verdict> verdicts;
  judge(group, codes, verdicts);
  return block::rows_with(flag, verdicts);
}

IntTest::IntTest(traceql::LiteralComparison comparison) : comparison_(std::move(comparison)) {
  const auto* number = comparison_.literal().value.as<int64_t>();
  const auto* text = comparison_.literal().value.as<std::string>();
  const bool is_equality = comparison_.op() == Operator::Equal || comparison_.op() == Operator::NotEqual;
  std::optional<int64_t> wanted;
  if (number != nullptr && traceql::is_numeric(comparison_.literal().type) && !comparison_.is_as_text()) {
    wanted = *number;
  } else if (text != nullptr && comparison_.is_as_text() && is_equality) {
    wanted = integer_printed_as(*text);
    is_range_ = !wanted;
    is_inverted_ = comparison_.op() == Operator::NotEqual;
  }
  if (wanted) hold_to(*wanted);
}

void IntTest::hold_to(int64_t wanted) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  is_range_ = true;
  switch (comparison_.op()) {
    case Operator::NotEqual:
      is_inverted_ = true;
      [[fallthrough]];
    case Operator::Equal:
      min_ = max_ = wanted;
      return;
    case Operator::Less:
      if (wanted == kMin) return;
      min_ = kMin;
      max_ = wanted - 1;
      return;
    case Operator::LessEqual:
      min_ = kMin;
      max_ = wanted;
      return;
    case Operator::Greater:
      if (wanted == kMax) return;
      min_ = wanted + 1;
      max_ = kMax;
      return;
    case Operator::GreaterEqual:
      min_ = wanted;
      max_ = kMax;
      return;
    default:
      is_range_ = false;
  }
}

bool IntTest::may_hold(int64_t min, int64_t max) const {
  return !is_range_ || is_inverted_ || (min_ <= max && min <= max_);
}

void IntTest::judge(std::span<const uint64_t> zigzags, Verdict present, std::vector<Verdict>& verdicts) const {
  verdicts.resize(zigzags.size());
  if (!is_range_) {
    for (size_t i = 0; i < zigzags.size(); ++i) {
      verdicts[i] = static_cast<Verdict>(present | (comparison_.holds_int(unzigzag(zigzags[i])) ? kHolds : 0));
    }
    return;
  }
  const int64_t min = min_;
  const int64_t max = max_;
  const bool is_inverted = is_inverted_;
  for (size_t i = 0; i < zigzags.size(); ++i) {
    const int64_t value = unzigzag(zigzags[i]);
    const bool is_inside = (value >= min) & (value <= max);
    verdicts[i] = static_cast<Verdict>(present | static_cast<Verdict>(is_inside != is_inverted));
  }
}

Bitmap IntTest::rows(std::span<const int64_t> values) const {
  return Bitmap::of(values.size(), [&](size_t i) { return holds(values[i]); });
}

Bitmap rows_with(Verdict flag, std::span<const Verdict> verdicts) {
  return Bitmap::of(verdicts.size(), [&](size_t i) { return (verdicts[i] & flag) != 0; });
}

Verdict verdict_on(const model::Value& value, const traceql::LiteralComparison& comparison) {
  return static_cast<Verdict>(kPresent | (comparison.holds(value) ? kHolds : 0));
}

Verdict verdict_on(const model::Attributes& attributes, std::string_view key,
                   const traceql::LiteralComparison& comparison) {
  const model::Value* value = model::find(attributes, key);
  return value == nullptr ? Verdict{0} : verdict_on(*value, comparison);
}

}  // namespace backstitch::store::block
