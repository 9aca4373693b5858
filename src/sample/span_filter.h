// A filter of TraceQL, `{ … }`, asked of one span as it comes by, without its trace.
//
// It answers what traceql::Program would, or NeedsTrace where it cannot know: `.key` on a span that has not got the
// key, but events or links that may; arrays.
#pragma once

#include <memory>

#include "sample/span_input.h"
#include "traceql/query.h"

namespace backstitch::sample {

// Of the filter with that root in query.expressions. Adds to `fields` what it reads. Null, and `fields` as it was,
// where the filter reads what no single span tells (the root's name, its parent's attributes, links), or compares
// fields with each other, or calculates.
std::unique_ptr<SpanCondition> compile_span_filter(const traceql::Query& query, traceql::NodeId root,
                                                   SpanFields& fields);

}  // namespace backstitch::sample
