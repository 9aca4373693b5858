#include "store/block/scan/relate.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <vector>

#include "store/block/scan/span_fields.h"

namespace backstitch::store::block {
namespace {

using traceql::SpansetMode;
using traceql::SpansetOperator;

// Those of the right that are below one of the left.
Bitmap below(const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  const auto ends = group.subtree_ends();
  Bitmap found(right.size());
  uint32_t farthest = 0;
  for (uint32_t row = 0; row < right.size(); ++row) {
    if (right[row] && row < farthest) found.set(row);
    if (left[row]) farthest = std::max(farthest, ends[row]);
  }
  return found;
}

Bitmap above(const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  const auto ends = group.subtree_ends();
  std::vector<uint32_t> before(left.size() + 1, 0);  // how many of the left stand before a row
  for (size_t row = 0; row < left.size(); ++row) before[row + 1] = before[row] + (left[row] ? 1 : 0);
  return Bitmap::of(right.size(), [&](size_t row) { return right[row] && before[ends[row]] > before[row + 1]; });
}

Bitmap children(const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  const auto parents = group.parents();
  return Bitmap::of(right.size(),
                    [&](size_t row) { return right[row] && parents[row] != kNoRow && left[parents[row]]; });
}

Bitmap parents(const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  const auto up = group.parents();
  Bitmap found(right.size());
  for (size_t row = left.next(0); row < left.size(); row = left.next(row + 1)) {
    if (up[row] != kNoRow) found.set(up[row]);
  }
  return found &= right;
}

// By the parent's id, which orphans of one missing parent share too.
Bitmap siblings(const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  const std::vector<model::SpanId> ids = parent_ids(group);
  const auto stored = group.codes(Field::Parent);
  const auto begins = group.trace_begins();
  Bitmap found(right.size());
  absl::flat_hash_map<model::SpanId, uint32_t> counts;
  for (size_t trace = 0; trace + 1 < begins.size(); ++trace) {
    const size_t end = begins[trace + 1];
    if (!left.any_in(begins[trace], end) || !right.any_in(begins[trace], end)) continue;
    counts.clear();
    for (size_t row = left.next(begins[trace]); row < end; row = left.next(row + 1)) {
      if (stored[row] != 0) ++counts[ids[row]];
    }
    for (size_t row = right.next(begins[trace]); row < end; row = right.next(row + 1)) {
      if (stored[row] == 0) continue;
      const auto count = counts.find(ids[row]);
      if (count != counts.end() && count->second > (left[row] ? 1U : 0U)) found.set(row);
    }
  }
  return found;
}

Bitmap related(SpansetOperator op, const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  if (!left.any() || !right.any()) return Bitmap(right.size());
  switch (op) {
    case SpansetOperator::Descendant:
      return below(left, right, group);
    case SpansetOperator::Ancestor:
      return above(left, right, group);
    case SpansetOperator::Child:
      return children(left, right, group);
    case SpansetOperator::Parent:
      return parents(left, right, group);
    default:
      return siblings(left, right, group);
  }
}

SpansetOperator inverse(SpansetOperator op) {
  switch (op) {
    case SpansetOperator::Descendant:
      return SpansetOperator::Ancestor;
    case SpansetOperator::Ancestor:
      return SpansetOperator::Descendant;
    case SpansetOperator::Child:
      return SpansetOperator::Parent;
    case SpansetOperator::Parent:
      return SpansetOperator::Child;
    default:
      return op;
  }
}

}  // namespace

Bitmap relate(SpansetOperator op, SpansetMode mode, const Bitmap& left, const Bitmap& right, GroupColumns& group) {
  Bitmap found = related(op, left, right, group);
  if (mode == SpansetMode::Negated) {
    Bitmap others = right;
    return others.subtract(found);
  }
  if (mode == SpansetMode::Union) found |= related(inverse(op), right, left, group);
  return found;
}

}  // namespace backstitch::store::block
