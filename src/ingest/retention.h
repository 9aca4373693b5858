// What is past its time goes: stored traces by age and by what the disk has left, decisions by age and by their share
// of it. Private to ingest.
#pragma once

#include "base/time.h"
#include "ingest/counters.h"
#include "ingest/decider.h"
#include "ingest/pipeline.h"
#include "store/contract/trace_store.h"

namespace backstitch::ingest {

// For a while only: the log's sync and the memory bound wait meanwhile. What is left goes at the next turn. `decider`
// may be null.
void enforce_retention(const base::Clock& clock, store::TraceStore& store, Decider* decider,
                       const PipelineOptions& options, IngestCounters& counters);

}  // namespace backstitch::ingest
