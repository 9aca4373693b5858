// Which fragments of kept traces were handed on to the queue for the backend, so that a replay of the log passes them
// over: what a store knows of itself, for one that keeps no traces. Of each trace it remembers the highest sequence
// that is covered, until the log has no record from before that any more.
//
//   auto handed_on = HandedOn::open(journal);
//   handed_on->add(batch);                    // the commit: all of it or nothing, also over a kill
//   handed_on->covered(id);
//
// A journal record is the highest sequence of all, then for each trace its id (16 bytes) and the sequence; sequences
// are little-endian numbers of eight bytes. Records add up.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

#include "base/result.h"
#include "model/ids.h"
#include "store/contract/ledger_journal.h"
#include "store/contract/sealed_trace.h"

namespace backstitch::exporter {

// Thread-safe.
class HandedOn {
 public:
  // Takes the journal's records. Corrupt where one is not as above. `journal` outlives it.
  static base::Result<std::unique_ptr<HandedOn>> open(store::LedgerJournal& journal);

  // Survives a killed process when it returns; after a power loss what was added lately may be unknown. NoSpace, Io:
  // nothing was added.
  base::Result<> add(std::span<const store::SealedTrace> batch);
  // 0 where the trace is unknown.
  uint64_t covered(const model::TraceId& id) const;
  // The highest that was ever added.
  uint64_t highest() const;

  // Forgets traces covered below `sequence`, and writes the journal anew, where that makes it much smaller.
  base::Result<> compact(uint64_t sequence);
  uint64_t trace_count() const;
  uint64_t journal_bytes() const;

 private:
  explicit HandedOn(store::LedgerJournal& journal) : journal_(journal) {}
  bool read(std::string_view record);
  void see(const model::TraceId& id, uint64_t sequence);

  store::LedgerJournal& journal_;
  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  absl::flat_hash_map<model::TraceId, uint64_t> covered_;
  uint64_t highest_ = 0;
  uint64_t compacted_bytes_ = 0;  // of the journal, when it was last written anew
};

}  // namespace backstitch::exporter
