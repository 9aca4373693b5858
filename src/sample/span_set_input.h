// Spans as values, shown to a plan as the ingest walk shows those in a request's bytes. For recorded traces (a dry run
// of other policies) and for traces that were read back.
#pragma once

#include "model/trace.h"
#include "sample/plan.h"

namespace backstitch::sample {

// Adds all spans of the set to the features; TraceFeatures::bytes stays. O(spans × what the plan asks for).
void add_spans(const Plan& plan, const model::SpanSet& set, TraceFeatures& features);

}  // namespace backstitch::sample
