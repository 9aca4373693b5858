// Which of the traces in many blocks match? The newest first, read as little as the answer needs.
//
// Blocks and their row groups are visited from the latest start on. What cannot match is passed over by what the index
// says (times, services, keys, durations, errors) and by the dictionaries of the columns; what is left is decided a
// column at a time, to one bit a span. Only what columns cannot decide is read whole and given to traceql's plain
// evaluator. The search ends when enough traces are found and nothing that is left could start later.
//
//   ScanContext context{workers, clock, metrics};
//   auto found = search_blocks(blocks, {.query = parse("{ span.user.id = \"7\" }").value(), .limit = 20}, context);
#pragma once

#include <memory>
#include <span>

#include "base/result.h"
#include "store/block/block.h"
#include "store/block/scan/scan_context.h"
#include "store/contract/trace_search.h"

namespace backstitch::store::block {

// `blocks` in any order; fragments of one trace may lie in several. The same blocks and query give the same answer,
// however many threads help, but where a bound ends the search or a group cannot be read. Such a group is left out and
// counted, and the answer is partial; which of the damaged groups are met depends on what was found before.
// InvalidArgument where the query is empty or has a metrics stage. Thread-safe.
base::Result<SearchResult> search_blocks(std::span<const std::shared_ptr<const Block>> blocks, const TraceQuery& query,
                                         const ScanContext& context);

}  // namespace backstitch::store::block
