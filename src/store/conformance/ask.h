// Short questions to a store, for the suite's facts.
#pragma once

#include <gtest/gtest.h>
#include <vector>

#include "store/conformance/sample_traces.h"
#include "store/contract/trace_store.h"

namespace backstitch::store::conformance {

using Ids = std::vector<int>;

inline void append(TraceStore& store, const std::vector<SealedTrace>& batch) {
  const auto appended = store.append(batch);
  ASSERT_TRUE(appended) << appended.error().message;
}

// The last byte of each id that a search finds, in order.
inline std::vector<int> found(TraceStore& store, const TraceQuery& query) {
  const auto result = store.search(query);
  std::vector<int> ids;
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return ids;
  }
  EXPECT_FALSE(result->is_partial);
  for (const model::Trace& trace : result->traces) ids.push_back(trace.id.bytes[15]);
  return ids;
}
inline std::vector<int> found(TraceStore& store, const traceql::Condition& condition) {
  return found(store, TraceQuery{.filter = {.all = {condition}}, .start = {}});
}

inline size_t span_count(TraceStore& store, uint64_t id) {
  const auto trace = store.find(trace_id(id));
  return trace ? trace->spans.size() : 0;
}

}  // namespace backstitch::store::conformance
