// Traces and queries to try stores with: written out in tests, or drawn from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "store/contract/trace_store.h"

namespace backstitch::store::conformance {

model::TraceId trace_id(uint64_t number);
model::SpanId span_id(uint64_t number);

struct SpanSpec {
  uint64_t span = 1;
  uint64_t parent = 0;
  std::string service = "cart";
  std::string name = "GET /cart";
  uint64_t start = 1000;
  uint64_t duration = 10;
  model::SpanKind kind = model::SpanKind::Server;
  bool is_error = false;
  model::Attributes attributes = {};
};
model::Trace trace_of(uint64_t id, const std::vector<SpanSpec>& spans);
SealedTrace sealed(const model::Trace& trace, uint64_t covered_sequence);
SealedTrace sealed(uint64_t id, uint64_t covered_sequence, const std::vector<SpanSpec>& spans);
SealedTrace sealed_at(uint64_t at, SealedTrace trace);

// Fails the test where `traceql` is none.
traceql::Query query_of(std::string_view traceql);
MetricsQuery metrics_query(std::string_view traceql, const traceql::MetricsWindow& window);

// Small alphabets, so that queries hit, ties happen and traces come in fragments.
SealedTrace random_fragment(base::Random& random);
// Each with a sequence of its own, of a trace of its own: a store may join fragments of one trace in a batch.
std::vector<SealedTrace> random_batch(base::Random& random, size_t size, uint64_t& sequence);
TraceQuery random_query(base::Random& random);
// One line, for failures.
std::string to_text(const TraceQuery& query);
// A line a trace with everything that was found: for comparisons, since NaN differs from NaN.
std::string to_text(const SearchResult& result);
// A line a series: its labels' values, then a value for each step, "-" where there is none.
std::string to_text(const traceql::MetricsResult& result);

}  // namespace backstitch::store::conformance
