// What a peer knows of traces, as records for the shards: parts without spans. Private to ingest.
#pragma once

#include <functional>
#include <vector>

#include "assemble/open_traces.h"
#include "model/peer_notes.h"

namespace backstitch::ingest {

struct PeerRecords {
  std::vector<assemble::ShardRecord> shards;  // one a shard; their place in the log left out
  uint32_t parts = 0;                         // in all of them: a reference to the log each
  uint64_t broken = 0;                        // features that are none
};

// `is_wanted` is asked about each trace.
PeerRecords peer_records(const model::PeerNotes& notes, size_t shard_count,
                         const std::function<bool(const model::TraceId&)>& is_wanted);

}  // namespace backstitch::ingest
