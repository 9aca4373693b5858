// Structural operators between two sets of a trace's spans, by nested sets instead of walks to the ancestors.
#pragma once

#include <cstdint>
#include <vector>

#include "model/trace.h"
#include "traceql/query.h"
#include "traceql/span_tree.h"

namespace backstitch::traceql {

using SpanIndices = std::vector<uint32_t>;  // sorted, without repeats

// `left op right` of one of the five structural operators: see SpansetOperator and SpansetMode.
// O((left + right) log left), whatever the tree.
SpanIndices relate(SpansetOperator op, SpansetMode mode, const SpanIndices& left, const SpanIndices& right,
                   const model::Trace& trace, const SpanTree& tree);

}  // namespace backstitch::traceql
