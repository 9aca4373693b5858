// What a search tells of a trace that it found, from a handful of columns instead of the whole trace: the same as
// store::find_in tells of the decoded one.
#pragma once

#include <cstdint>
#include <vector>

#include "store/block/scan/query_plan.h"
#include "store/block/scan/span_lookup.h"
#include "store/contract/trace_search.h"

namespace backstitch::store::block {

// The spans of one trace that columns found.
struct MatchedRows {
  uint32_t count = 0;
  std::vector<uint32_t> first;  // rows of the group in order, no more than are told
};

// Of one block, one group after the other. Not thread-safe. All outlive it.
class TraceTeller {
 public:
  TraceTeller(const Block& block, const QueryPlan& plan, Spending& spending);

  // False where it takes the whole trace.
  bool can_tell() const { return can_tell_; }
  // `group` is that of `head`, and fails where pages cannot be read.
  FoundTrace tell(const TraceHead& head, const MatchedRows& matched, GroupColumns& group);

 private:
  model::TraceSummary summarize(const TraceHead& head, GroupColumns& group);
  FoundSpan tell_span(uint32_t row, uint32_t matched, GroupColumns& group);

  const QueryPlan& plan_;
  SpanLookup lookup_;
  std::vector<traceql::FieldRef> shown_;
  std::vector<std::string> names_;  // of shown_, as printed
  bool can_tell_ = false;
};

}  // namespace backstitch::store::block
