// Traces and filters to try stores with: written out in tests, or drawn from a seed.
#pragma once

#include <cstdint>
#include <string>
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

// Small alphabets, so that filters hit, ties happen and traces come in fragments.
SealedTrace random_fragment(base::Random& random);
TraceQuery random_query(base::Random& random);
// One line, for failures.
std::string to_text(const TraceQuery& query);

}  // namespace backstitch::store::conformance
