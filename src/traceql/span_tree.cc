#include "traceql/span_tree.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <numeric>
#include <tuple>

namespace backstitch::traceql {
namespace {

using model::Span;
constexpr uint32_t kNone = SpanTree::kNone;

std::vector<uint32_t> by_start(const std::vector<Span>& spans) {
  std::vector<uint32_t> sorted(spans.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::ranges::stable_sort(sorted, [&](uint32_t a, uint32_t b) {
    return std::tie(spans[a].start, spans[a].span_id, spans[a].kind) <
           std::tie(spans[b].start, spans[b].span_id, spans[b].kind);
  });
  return sorted;
}

std::vector<uint32_t> find_parents(const std::vector<Span>& spans, const std::vector<uint32_t>& sorted) {
  absl::flat_hash_map<model::SpanId, uint32_t> by_id;
  for (const uint32_t i : sorted) {
    const auto [slot, is_first] = by_id.try_emplace(spans[i].span_id, i);
    if (!is_first && spans[i].kind == model::SpanKind::Server) slot->second = i;
  }
  std::vector<uint32_t> parents(spans.size(), kNone);
  for (const uint32_t i : sorted) {
    if (spans[i].is_root()) continue;
    const auto found = by_id.find(spans[i].parent_span_id);
    if (found != by_id.end() && found->second != i) parents[i] = found->second;
  }
  return parents;
}

// The children of span i are [begin[i], begin[i + 1]) of `all`.
struct Children {
  std::vector<uint32_t> begin;
  std::vector<uint32_t> all;
};

Children children_of(const std::vector<uint32_t>& parents, const std::vector<uint32_t>& sorted) {
  Children children{.begin = std::vector<uint32_t>(parents.size() + 1, 0), .all = {}};
  for (const uint32_t parent : parents) {
    if (parent != kNone) ++children.begin[parent + 1];
  }
  std::partial_sum(children.begin.begin(), children.begin.end(), children.begin.begin());
  children.all.resize(children.begin.back());
  std::vector<uint32_t> next(children.begin.begin(), children.begin.end() - 1);
  for (const uint32_t i : sorted) {
    if (parents[i] != kNone) children.all[next[parents[i]]++] = i;
  }
  return children;
}

class Numbering {
 public:
  Numbering(SpanTree& tree, const Children& children) : tree_(tree), children_(children), next_(children.begin) {}

  void walk_from(uint32_t root) {
    if (tree_.left[root] != 0) return;
    tree_.parent[root] = kNone;
    enter(root);
    while (!open_.empty()) {
      const uint32_t span = open_.back();
      if (next_[span] == children_.begin[span + 1]) {
        tree_.right[span] = ++counter_;
        open_.pop_back();
        continue;
      }
      const uint32_t child = children_.all[next_[span]++];
      if (tree_.left[child] != 0) continue;  // the cut of a cycle
      ++tree_.child_count[span];
      enter(child);
    }
  }

 private:
  void enter(uint32_t span) {
    tree_.left[span] = ++counter_;
    tree_.position[span] = static_cast<uint32_t>(tree_.order.size());
    tree_.order.push_back(span);
    open_.push_back(span);
  }

  SpanTree& tree_;
  const Children& children_;
  std::vector<uint32_t> next_;  // of each span, its next child to visit
  std::vector<uint32_t> open_;
  uint32_t counter_ = 0;
};

}  // namespace

SpanTree build_span_tree(const model::SpanSet& set) {
  const size_t count = set.spans.size();
  const std::vector<uint32_t> sorted = by_start(set.spans);
  SpanTree tree;
  tree.parent = find_parents(set.spans, sorted);
  tree.child_count.resize(count);
  tree.left.resize(count);
  tree.right.resize(count);
  tree.position.resize(count);
  tree.order.reserve(count);
  const Children children = children_of(tree.parent, sorted);
  Numbering numbering(tree, children);
  for (const uint32_t i : sorted) {
    if (tree.parent[i] == kNone) numbering.walk_from(i);
  }
  for (const uint32_t i : sorted) numbering.walk_from(i);  // what is left is in cycles
  return tree;
}

}  // namespace backstitch::traceql
