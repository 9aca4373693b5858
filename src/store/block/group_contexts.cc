#include "store/block/group_contexts.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <numeric>
#include <utility>

namespace backstitch::store::block {
namespace {

// Numbers pairs in the order of first appearance. Most have come lately, and need no look at the hash map.
class PairNumbers {
 public:
  uint32_t number_of(uint32_t first, uint32_t second) {
    const uint64_t pair = uint64_t{first} << 32 | second;
    Recent& recent = recent_[pair * 0x9e3779b97f4a7c15ULL >> (64 - kRecentBits)];
    if (!recent.is_known || recent.pair != pair) {
      const uint32_t next = static_cast<uint32_t>(known_.size());
      recent = {.pair = pair, .number = known_.try_emplace(pair, next).first->second, .is_known = true};
    }
    return recent.number;
  }

 private:
  static constexpr unsigned kRecentBits = 10;
  struct Recent {
    uint64_t pair = 0;
    uint32_t number = 0;
    bool is_known = false;
  };

  std::array<Recent, size_t{1} << kRecentBits> recent_;
  absl::flat_hash_map<uint64_t, uint32_t> known_;
};

}  // namespace

std::vector<uint32_t> number_names(std::span<const uint32_t> names, std::span<const uint32_t> parents) {
  constexpr uint32_t kNoName = UINT32_MAX;
  std::vector<uint32_t> numbers;
  numbers.reserve(names.size());
  PairNumbers pairs;
  for (size_t row = 0; row < names.size(); ++row) {
    const uint64_t back = rows_back(parents[row]);
    numbers.push_back(pairs.number_of(names[row], back == 0 ? kNoName : names[row - back]));
  }
  return numbers;
}

OwnerContexts::OwnerContexts(std::span<const uint32_t> names, std::span<const uint32_t> numbers,
                             std::span<const uint32_t> shapes, const std::vector<Shape>& shapes_of_block,
                             size_t column_count)
    : of_owners_(shapes.size()) {
  PairNumbers pairs;
  for (size_t owner = 0; owner < shapes.size(); ++owner) {
    const uint32_t number = pairs.number_of(numbers[owner], shapes[owner]);
    if (number == classes_.size()) {
      classes_.push_back({.name = names[owner], .names = numbers[owner], .shape = shapes[owner], .owners = 0});
    }
    ++classes_[number].owners;
    of_owners_[owner] = number;
  }
  absl::flat_hash_map<uint32_t, uint32_t> dense_names, dense_shapes, dense_numbers;
  std::vector<uint32_t> present;  // shapes
  for (Class& one : classes_) {
    one.name = dense_names.try_emplace(one.name, static_cast<uint32_t>(dense_names.size())).first->second;
    one.names = dense_numbers.try_emplace(one.names, static_cast<uint32_t>(dense_numbers.size())).first->second;
    const auto [shape, is_new] = dense_shapes.try_emplace(one.shape, static_cast<uint32_t>(present.size()));
    if (is_new) present.push_back(one.shape);
    one.shape = shape->second;
    values_ = std::max({values_, one.name + 1, one.names + 1, one.shape + 1});
  }
  shape_count_ = static_cast<uint32_t>(present.size());
  list_columns(present, shapes_of_block, column_count);
}

// Which shapes name each column.
void OwnerContexts::list_columns(const std::vector<uint32_t>& shapes, const std::vector<Shape>& shapes_of_block,
                                 size_t column_count) {
  column_begins_.resize(column_count + 1);
  for (const uint32_t shape : shapes) {
    for (const uint32_t column : shapes_of_block[shape]) ++column_begins_[column + 1];
  }
  std::partial_sum(column_begins_.begin(), column_begins_.end(), column_begins_.begin());
  std::vector<uint32_t> next = column_begins_;
  column_shapes_.resize(column_begins_.back());
  for (uint32_t i = 0; i < shapes.size(); ++i) {
    for (const uint32_t column : shapes_of_block[shapes[i]]) column_shapes_[next[column]++] = i;
  }
}

uint32_t OwnerContexts::value_of(const Class& one, Context context) {
  return context == Context::Name ? one.name : context == Context::Names ? one.names : one.shape;
}

const OwnerContexts::Groups& OwnerContexts::groups_of(Context context) {
  Groups& groups = groups_[static_cast<size_t>(context)];
  if (!groups.begins.empty()) return groups;
  groups.begins.resize(values_ + 1);
  for (const Class& one : classes_) groups.begins[value_of(one, context) + 1] += one.owners;
  std::partial_sum(groups.begins.begin(), groups.begins.end(), groups.begins.begin());
  std::vector<uint32_t> next(groups.begins.begin(), groups.begins.end() - 1);
  std::vector<uint32_t> values;
  for (const Class& one : classes_) values.push_back(value_of(one, context));
  groups.owners.resize(of_owners_.size());
  for (uint32_t owner = 0; owner < of_owners_.size(); ++owner) groups.owners[next[values[of_owners_[owner]]]++] = owner;
  return groups;
}

std::optional<SomeContexts> OwnerContexts::of_attribute(Context context, size_t place) {
  std::vector<uint8_t> has_rows(shape_count_);
  for (uint32_t at = column_begins_[place]; at < column_begins_[place + 1]; ++at) {
    if (std::exchange(has_rows[column_shapes_[at]], 1) != 0) return std::nullopt;
  }
  return contexts_of(context, has_rows);
}

SomeContexts OwnerContexts::of_field(Context context) {
  return contexts_of(context, std::vector<uint8_t>(shape_count_, 1));
}

size_t OwnerContexts::bytes() const {
  size_t numbers = of_owners_.capacity() + column_begins_.capacity() + column_shapes_.capacity();
  for (const Groups& groups : groups_) numbers += groups.owners.capacity() + groups.begins.capacity();
  return classes_.capacity() * sizeof(Class) + numbers * sizeof(uint32_t);
}

// `has_rows`: by shape.
SomeContexts OwnerContexts::contexts_of(Context context, std::span<const uint8_t> has_rows) {
  constexpr uint32_t kNoNumber = UINT32_MAX;
  const Groups& groups = groups_of(context);
  std::vector<uint32_t> numbers(values_, kNoNumber);
  SomeContexts contexts;
  contexts.of_owners = of_owners_;
  contexts.of_classes.reserve(classes_.size());
  for (const Class& one : classes_) {
    contexts.of_classes.push_back(SomeContexts::kNoRow);
    if (has_rows[one.shape] == 0) continue;
    const uint32_t value = value_of(one, context);
    if (numbers[value] == kNoNumber) {
      numbers[value] = static_cast<uint32_t>(contexts.contexts.size());
      const uint32_t begin = groups.begins[value];
      const auto owners = std::span(groups.owners).subspan(begin, groups.begins[value + 1] - begin);
      contexts.contexts.push_back({.rows = 0, .owners = owners});
    }
    contexts.of_classes.back() = numbers[value];
    contexts.contexts[numbers[value]].rows += one.owners;
    contexts.row_count += one.owners;
  }
  return contexts;
}

}  // namespace backstitch::store::block
