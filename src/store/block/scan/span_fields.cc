#include "store/block/scan/span_fields.h"

#include <algorithm>
#include <tuple>

#include "store/block/integer_page.h"

namespace backstitch::store::block {
namespace {

using traceql::Intrinsic;

std::vector<int64_t> child_counts(GroupColumns& group) {
  std::vector<int64_t> counts(group.spans(), 0);
  for (const uint32_t parent : group.parents()) {
    if (parent != kNoRow) ++counts[parent];
  }
  return counts;
}

// Rows stand in the order of a tree walk. What was entered before a span is its place in the trace; what was left
// before is all of that but its ancestors.
std::vector<int64_t> left_numbers(GroupColumns& group) {
  const auto parents = group.parents();
  const auto begins = group.trace_begins();
  std::vector<int64_t> left(group.spans());
  std::vector<uint32_t> depth(group.spans(), 0);
  for (size_t trace = 0; trace + 1 < begins.size(); ++trace) {
    for (uint32_t row = begins[trace]; row < begins[trace + 1]; ++row) {
      if (parents[row] != kNoRow) depth[row] = depth[parents[row]] + 1;
      left[row] = 2 * int64_t{row - begins[trace]} - depth[row] + 1;
    }
  }
  return left;
}

}  // namespace

std::vector<int64_t> tree_numbers(Intrinsic field, GroupColumns& group) {
  if (field == Intrinsic::ChildCount) return child_counts(group);
  std::vector<int64_t> left = left_numbers(group);
  if (field == Intrinsic::NestedSetLeft) return left;
  std::vector<int64_t> numbers(group.spans());
  if (field == Intrinsic::NestedSetRight) {
    const auto ends = group.subtree_ends();
    for (uint32_t row = 0; row < numbers.size(); ++row) numbers[row] = left[row] + 2 * int64_t{ends[row] - row} - 1;
    return numbers;
  }
  const auto parents = group.parents();
  const auto stored = group.codes(Field::Parent);
  for (size_t row = 0; row < numbers.size(); ++row) {
    numbers[row] = parents[row] != kNoRow ? left[parents[row]] : stored[row] == 0 ? -1 : 0;
  }
  return numbers;
}

std::vector<uint32_t> root_rows(GroupColumns& group) {
  const auto begins = group.trace_begins();
  const auto stored = group.codes(Field::Parent);
  const auto starts = group.starts();
  const std::string_view ids = group.raw(Field::SpanId);
  std::vector<uint32_t> roots(begins.size() - 1,
                              kNoRow);  // roots stand in order of their kinds where all else is equal
  for (size_t trace = 0; trace < roots.size(); ++trace) {
    uint32_t& root = roots[trace];
    for (uint32_t row = begins[trace]; row < begins[trace + 1]; ++row) {
      if (stored[row] != 0) continue;
      const auto rank = [&](uint32_t one) { return std::tuple(starts[one], span_id_at(ids, one)); };
      if (root == kNoRow || rank(row) < rank(root)) root = row;
    }
  }
  return roots;
}

std::vector<int64_t> trace_durations(GroupColumns& group) {
  const auto begins = group.trace_begins();
  const auto starts = group.starts();
  const auto lengths = group.numbers(Field::Duration);
  const auto earliest = group.numbers(Field::TraceStart);
  std::vector<int64_t> durations(begins.size() - 1, 0);
  for (size_t trace = 0; trace < durations.size(); ++trace) {
    uint64_t latest = earliest[trace];
    for (uint32_t row = begins[trace]; row < begins[trace + 1]; ++row) {
      const uint64_t end = starts[row] + static_cast<uint64_t>(unzigzag(lengths[row]));
      latest = std::max({latest, starts[row], end});
    }
    durations[trace] = base::elapsed({earliest[trace]}, {latest}).count();
  }
  return durations;
}

model::SpanId span_id_at(std::string_view ids, size_t row) { return model::SpanId::from_bytes(ids.data() + row * 8); }
model::TraceId trace_id_at(std::string_view ids, size_t row) {
  return model::TraceId::from_bytes(ids.data() + row * 16);
}

std::vector<model::SpanId> parent_ids(GroupColumns& group) {
  const auto stored = group.codes(Field::Parent);
  const auto parents = group.parents();
  const std::string_view ids = group.raw(Field::SpanId);
  const bool has_missing = std::ranges::find(stored, 1U) != stored.end();
  const std::string_view missing = has_missing ? group.raw(Field::ParentId) : std::string_view();
  std::vector<model::SpanId> result(group.spans());
  size_t next_missing = 0;
  for (size_t row = 0; row < result.size(); ++row) {
    if (parents[row] != kNoRow) {
      result[row] = span_id_at(ids, parents[row]);
    } else if (stored[row] == 1 && (next_missing + 1) * 8 <= missing.size()) {
      result[row] = span_id_at(missing, next_missing++);
    }
  }
  return result;
}

}  // namespace backstitch::store::block
