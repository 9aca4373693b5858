// One sealed fragment of a trace on its way into a store: the spans of `id` from the log records with sequence
// (covered by the fragment before, covered_sequence].
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/decision.h"
#include "model/ids.h"

namespace backstitch::store {

struct SealedTrace {
  model::TraceId id;
  uint64_t covered_sequence = 0;
  base::Timestamp sealed_at;  // by the clock of who appends: what retention goes by
  std::string otlp;           // TracesData; only spans of `id`, at least one
  // As model::TraceFragment has them.
  model::DecisionCause ended_by = model::DecisionCause::Window;
  uint32_t joined = 1;
};

}  // namespace backstitch::store
