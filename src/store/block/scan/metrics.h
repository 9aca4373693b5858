// TraceQL metrics over the spans of many blocks: `{ status = error } | rate() by (resource.service.name)`.
//
// A group of rows whose spans all start in one step needs no start times, and without a condition no column at all.
// Else the filter becomes one bit a span, the labels of by() codes of columns, and the start times one pass. Only what
// columns cannot decide is read whole and given to traceql's plain evaluator.
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "store/block/block.h"
#include "store/block/scan/scan_context.h"
#include "store/contract/trace_search.h"

namespace backstitch::store::block {

// As search_blocks: any order, deterministic but for bounds, unreadable groups left out and counted. A trace that has
// fragments in several blocks counts with each. InvalidArgument as traceql::MetricsPlan::create. Thread-safe.
base::Result<MetricsResult> metrics_over_blocks(std::span<const std::shared_ptr<const Block>> blocks,
                                                const MetricsQuery& query, const ScanContext& context);

}  // namespace backstitch::store::block
