// The newest traces found so far: at most `limit`, one fragment of each.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <set>
#include <vector>

#include "store/block/block.h"
#include "store/contract/trace_search.h"

namespace backstitch::store::block {

struct Hit {
  TraceHead head;
  FoundTrace found;

  Place place() const { return {head.start, head.id}; }
  // Of two fragments of one trace, the one that stands for it.
  bool replaces(const Hit& other) const {
    if (head.start != other.head.start) return other.head.start < head.start;
    return other.head.covered_sequence < head.covered_sequence;
  }
};

class NewestTraces {
 public:
  explicit NewestTraces(uint32_t limit) : limit_(limit) {}

  void offer(Hit hit);
  bool is_full() const { return places_.size() >= limit_; }
  // Whether a trace that starts then could still come in.
  bool may_take(model::Timestamp start) const { return !is_full() || places_.rbegin()->start <= start; }
  // Latest start first, ties by id. Leaves none.
  std::vector<FoundTrace> take();

 private:
  const uint32_t limit_;
  absl::flat_hash_map<model::TraceId, Hit> hits_;
  std::set<Place> places_;  // of hits_
};

}  // namespace backstitch::store::block
