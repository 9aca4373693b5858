// From log to store, exactly once: what a shard has collected is committed with the sequence that it covers, and
// what is covered is passed over when the log is replayed.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "assemble/open_traces.h"
#include "base/time.h"
#include "ingest/decider.h"
#include "ingest/error_ledger.h"
#include "ingest/note_numbers.h"
#include "ingest/span_ledger.h"
#include "log/log.h"
#include "model/limits.h"
#include "store/contract/trace_store.h"

namespace backstitch::ingest {

struct Sealed {
  uint64_t traces = 0;
  uint64_t spans = 0;
  uint64_t lost_references = 0;
  uint64_t unsealable = 0;  // traces that the store will never take
};

// Fragments on their way to the store, with their spans at hand.
struct SealBatch {
  std::vector<assemble::Fragment> fragments;
  std::vector<store::SealedTrace> traces;  // of those of which there was anything in the log; not sealed_at
  std::unique_ptr<DecidedTraces> calls;    // null where nobody counts
  uint64_t span_count = 0;                 // of these
  uint64_t span_bytes = 0;                 // likewise, as they stand in `traces`
  uint64_t lost_references = 0;

  // Adds what was read later.
  void add(SealBatch later, base::Timestamp now);
};

// Fragments that were decided together: every record of theirs is read once.
struct DecidedBatch {
  SealBatch kept;
  std::unique_ptr<DecidedTraces> calls_of_dropped;  // of those that had not been dropped before; null likewise
};

// Reads the spans of what is kept, and who called whom in all. Errors of read_parts(): call again.
base::Result<DecidedBatch> read_decided(log::Log& log, std::vector<assemble::Fragment> kept,
                                        std::span<const assemble::Fragment> dropped, const SpanLedger* spans);

// Commits a batch, then gives its references back to the log. On failure nothing was given back: call again with the
// same batch, before any later one. A fragment that the store can never take (malformed, too large) is left out and
// counted, so that it does not keep the others waiting. `now` is when the fragments count as sealed. `errors`, where
// there is one, counts what failed in them, `spans` who called whom.
base::Result<Sealed> seal(log::Log& log, store::TraceStore& store, SealBatch& batch, base::Timestamp now,
                          ErrorLedger* errors = nullptr, SpanLedger* spans = nullptr);

// Gives the fragments' references back to the log.
void release(log::Log& log, const std::vector<assemble::Fragment>& fragments);

struct Replayed {
  log::ReplayResult log;
  uint64_t open_parts = 0;     // (trace, request) pairs that go on
  uint64_t covered_parts = 0;  // that the store has already
  uint64_t decisions = 0;      // about traces, in the log
  NoteNumbers note_numbers;    // messages of peers, in the log
};

// Null: there are no policies, nobody counts.
struct ReplayOptions {
  model::Limits limits;
  Decider* decider = nullptr;
  SpanLedger* spans = nullptr;  // counts what it has not counted yet
};

// Rebuilds what the shards were collecting when the last process ended, their timers too: each trace's window
// goes on from when its spans were received. What was decided stays decided. Features that other policies made are
// learned anew from the spans.
base::Result<Replayed> replay(log::Log& log, store::TraceStore& store, const base::Clock& clock,
                              std::vector<assemble::OpenTraces*> shards, const ReplayOptions& options = {});

}  // namespace backstitch::ingest
