// Short questions to a store, for the suite's facts.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/conformance/sample_traces.h"
#include "store/contract/trace_store.h"

namespace backstitch::store::conformance {

using Ids = std::vector<int>;

inline void append(TraceStore& store, const std::vector<SealedTrace>& batch) {
  const auto appended = store.append(batch);
  ASSERT_TRUE(appended) << appended.error().message;
}

// What a search finds; everything where the query is empty.
inline SearchResult search(TraceStore& store, TraceQuery query) {
  if (query.query.is_empty()) query.query = query_of("{ }");
  auto result = store.search(query);
  if (result) return std::move(*result);
  ADD_FAILURE() << result.error().message;
  return {};
}

// The last byte of each id that a search finds, in order.
inline Ids found(TraceStore& store, const TraceQuery& query) {
  const SearchResult result = search(store, query);
  EXPECT_FALSE(result.is_partial);
  Ids ids;
  for (const FoundTrace& trace : result.traces) ids.push_back(trace.summary.id.bytes[15]);
  return ids;
}
inline Ids found(TraceStore& store, std::string_view traceql) { return found(store, {.query = query_of(traceql)}); }

// As to_text(traceql::MetricsResult).
inline std::string series(TraceStore& store, std::string_view traceql, const traceql::MetricsWindow& window) {
  const auto result = store.metrics(metrics_query(traceql, window));
  if (!result) {
    ADD_FAILURE() << result.error().message;
    return {};
  }
  EXPECT_FALSE(result->is_partial);
  return to_text(result->series.finish());
}

inline size_t span_count(TraceStore& store, uint64_t id) {
  const auto trace = store.find(trace_id(id));
  return trace ? trace->spans.size() : 0;
}

}  // namespace backstitch::store::conformance
