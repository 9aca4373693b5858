// What becomes of a batch before it is written: each trace once, in order of start.
#pragma once

#include <deque>
#include <span>
#include <vector>

#include "base/result.h"
#include "store/contract/trace_store.h"

namespace backstitch::store::embedded {

struct OrderedBatch {
  std::vector<const SealedTrace*> traces;  // by start, then id; into the batch or `joined`
  std::deque<SealedTrace> joined;          // traces of several fragments, in order of what they cover
};

// Of fragments with the same id and covered_sequence the last counts. `batch` is borrowed for the result's life.
// Malformed, naming the trace.
base::Result<OrderedBatch> in_order_of_start(std::span<const SealedTrace> batch);

}  // namespace backstitch::store::embedded
