// How a request's error tree is exported with its server span, sampled or not (docs/spec/error-tree.md, "Out of band"
// and "Unsampled failures").
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "backstitch/span.h"
#include "model/error_tree.h"
#include "src/middleware_state.h"

namespace backstitch::sdk {

// What the event backstitch.error_tree says.
struct TreeEvent {
  model::ErrorTree tree;
  std::optional<std::chrono::nanoseconds> lateness;  // the end less the end of the budget
  std::optional<bool> is_committed;
};

// What is known of a span that is not sampled.
struct UnsampledSpan {
  std::string name;
  SpanId parent;            // invalid: none
  int64_t start_ticks = 0;  // of SpanClock
};

// Ends the span with that event. One that is not sampled is exported beside the others, as one that failed. Throws for
// memory.
void end_with_tree(const MiddlewareState& middleware, const Span& span, const TreeEvent& event,
                   const UnsampledSpan& unsampled);

}  // namespace backstitch::sdk
