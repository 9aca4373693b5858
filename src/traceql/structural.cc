#include "traceql/structural.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <iterator>

namespace backstitch::traceql {
namespace {

struct Sides {
  const SpanIndices& left;
  const SpanIndices& right;
  const model::Trace& trace;
  const SpanTree& tree;
};

// Which of the right side has a counterpart on the left, in the order of the right side.
using Flags = std::vector<bool>;

SpanIndices by_position(const SpanIndices& spans, const SpanTree& tree) {
  SpanIndices positions;
  positions.reserve(spans.size());
  for (const uint32_t span : spans) positions.push_back(tree.position[span]);
  std::ranges::sort(positions);
  return positions;
}

// Subtrees are nested or apart. So a span is below one of the left exactly where the farthest end of all that begin
// before it lies behind it.
Flags below(const Sides& sides) {
  const SpanIndices positions = by_position(sides.left, sides.tree);
  std::vector<uint32_t> farthest_end;
  uint32_t farthest = 0;
  for (const uint32_t position : positions) {
    farthest = std::max(farthest, sides.tree.end_position(sides.tree.order[position]));
    farthest_end.push_back(farthest);
  }
  Flags flags;
  for (const uint32_t span : sides.right) {
    const auto before = std::ranges::lower_bound(positions, sides.tree.position[span]) - positions.begin();
    flags.push_back(before != 0 && farthest_end[static_cast<size_t>(before) - 1] > sides.tree.position[span]);
  }
  return flags;
}

Flags above(const Sides& sides) {
  const SpanIndices positions = by_position(sides.left, sides.tree);
  Flags flags;
  for (const uint32_t span : sides.right) {
    const auto next = std::ranges::upper_bound(positions, sides.tree.position[span]);
    flags.push_back(next != positions.end() && *next < sides.tree.end_position(span));
  }
  return flags;
}

Flags children(const Sides& sides) {
  Flags flags;
  for (const uint32_t span : sides.right) {
    const uint32_t parent = sides.tree.parent[span];
    flags.push_back(parent != SpanTree::kNone && std::ranges::binary_search(sides.left, parent));
  }
  return flags;
}

Flags parents(const Sides& sides) {
  SpanIndices of_left;
  for (const uint32_t span : sides.left) of_left.push_back(sides.tree.parent[span]);
  std::ranges::sort(of_left);
  Flags flags;
  for (const uint32_t span : sides.right) flags.push_back(std::ranges::binary_search(of_left, span));
  return flags;
}

// By the parent's id, which orphans of one missing parent share too.
Flags siblings(const Sides& sides) {
  absl::flat_hash_map<model::SpanId, uint32_t> counts;
  for (const uint32_t span : sides.left) ++counts[sides.trace.spans[span].parent_span_id];
  Flags flags;
  for (const uint32_t span : sides.right) {
    const model::Span& one = sides.trace.spans[span];
    const auto found = one.is_root() ? counts.end() : counts.find(one.parent_span_id);
    const uint32_t itself = std::ranges::binary_search(sides.left, span) ? 1 : 0;
    flags.push_back(found != counts.end() && found->second > itself);
  }
  return flags;
}

Flags related(SpansetOperator op, const Sides& sides) {
  switch (op) {
    case SpansetOperator::Descendant:
      return below(sides);
    case SpansetOperator::Ancestor:
      return above(sides);
    case SpansetOperator::Child:
      return children(sides);
    case SpansetOperator::Parent:
      return parents(sides);
    default:
      return siblings(sides);
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

SpanIndices pick(SpansetOperator op, const Sides& sides, bool wanted) {
  const Flags flags = related(op, sides);
  SpanIndices picked;
  for (size_t i = 0; i < flags.size(); ++i) {
    if (flags[i] == wanted) picked.push_back(sides.right[i]);
  }
  return picked;
}

}  // namespace

SpanIndices relate(SpansetOperator op, SpansetMode mode, const SpanIndices& left, const SpanIndices& right,
                   const model::Trace& trace, const SpanTree& tree) {
  SpanIndices found = pick(op, {left, right, trace, tree}, mode != SpansetMode::Negated);
  if (mode != SpansetMode::Union) return found;
  const SpanIndices counterparts = pick(inverse(op), {right, left, trace, tree}, true);
  SpanIndices both;
  std::ranges::set_union(found, counterparts, std::back_inserter(both));
  return both;
}

}  // namespace backstitch::traceql
