// What policies about a trace's shape are given at the decision, and only where the verdict hangs on it: the calls,
// which the log's digests hold, or the whole trace.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/trace.h"

namespace backstitch::sample {

// One span as a call: model::SpanDigest has these, service_bit its resource.
struct CallSpan {
  model::SpanId span_id;
  model::SpanId parent_span_id;
  uint32_t operation = 0;    // low 32 bits of XXH3 of the name
  uint64_t service_bit = 0;  // model::service_bit of its service

  bool operator==(const CallSpan&) const = default;
};

// How much of it is asked for; each includes those before.
enum class TraceNeed : uint8_t { None, Calls, Spans };

// Borrowed. What is asked for and not there makes the policies that need it fail.
struct WholeTrace {
  std::span<const CallSpan> calls;
  const model::Trace* trace = nullptr;
};

std::vector<CallSpan> calls_of(const model::SpanSet& spans);

// A span's parent is not among the spans.
bool has_orphan(std::span<const CallSpan> calls);

// Equal for traces whose sets of calls are equal: who (service, operation) called whom, roots and orphans as called by
// nobody. Repeated and parallel calls make no difference, nor does the order.
uint64_t call_shape(std::span<const CallSpan> calls);

}  // namespace backstitch::sample
