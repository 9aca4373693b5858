// The tree that a trace's spans form by their parent ids, numbered as nested sets: a span is below another where its
// [left, right] lies inside the other's. Structural operators and the nestedSet… fields go by it.
//
//   a          a: left 1, right 6
//   ├─ b       b: left 2, right 3
//   └─ c       c: left 4, right 5
#pragma once

#include <cstdint>
#include <vector>

#include "model/trace.h"

namespace backstitch::traceql {

// All vectors but `order` are by index into the trace's spans.
struct SpanTree {
  static constexpr uint32_t kNone = UINT32_MAX;

  std::vector<uint32_t> parent;  // kNone: a root, an orphan, or the span at which a cycle was cut
  std::vector<uint32_t> child_count;
  std::vector<uint32_t> left;      // from 1 on, one tree after the other
  std::vector<uint32_t> right;     // of a leaf: left + 1
  std::vector<uint32_t> position;  // of the span in `order`
  std::vector<uint32_t> order;     // spans as a tree walk meets them: those below a span follow it

  // Position behind the last span below this one.
  uint32_t end_position(uint32_t span) const { return position[span] + (right[span] - left[span] + 1) / 2; }
};

// Siblings go by start, then span id. Of spans that share an id (Zipkin), the server's side has the children. A cycle
// of parents is cut at its earliest span. O(n log n), whatever the shape.
SpanTree build_span_tree(const model::SpanSet& set);

}  // namespace backstitch::traceql
