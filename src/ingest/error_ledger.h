// The ledger of errors: each failed request of a sealed trace is counted at its origin, once, whatever crashes.
//
//   begin(batch)      what the batch adds goes to the journal, synced
//   store.append()    the traces are sealed
//   commit(…)         it counts, and the journal says so
//
// A process that ends in between leaves a batch in the journal that nothing is said of. The next one asks the store of
// each of its traces whether it is covered: what is was sealed, and counts; what is not will be sealed again.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "ledger/error_origins.h"
#include "store/contract/error_origin_reader.h"
#include "store/contract/ledger_journal.h"
#include "store/contract/trace_store.h"

namespace backstitch::ingest {

struct ErrorLedgerOptions {
  ledger::ErrorOriginsBounds bounds;
  base::Duration age_max = std::chrono::hours(7 * 24);  // older minutes are forgotten
  uint64_t journal_bytes_max = 4 << 20;                 // a longer journal becomes a checkpoint
  size_t origins_per_fragment_max = 1000;
};

// begin() and commit() are for one thread, the sealer's; questions may come from any.
class ErrorLedger final : public store::ErrorOriginReader {
 public:
  // Corrupt, Io. All outlive it.
  static base::Result<std::unique_ptr<ErrorLedger>> open(store::LedgerJournal& journal, store::TraceStore& store,
                                                         const base::Clock& clock, base::Metrics& metrics,
                                                         const ErrorLedgerOptions& options = {});

  // Before the batch is appended to the store. On failure it must not be. Called again, it forgets the batch before,
  // which was not committed. Traces that cannot be read add nothing.
  base::Result<> begin(std::span<const store::SealedTrace> batch);
  // After the store has taken the batch, but for those traces of it whose place in it says false.
  void commit(const std::vector<bool>& is_stored);

  base::Result<std::vector<model::ErrorOriginRow>> error_origins(const model::ErrorOriginQuery& query) override;

 private:
  // What one fragment adds to one origin.
  struct Delta {
    size_t place = 0;  // in the batch
    model::TraceId id;
    uint64_t covered_sequence = 0;
    model::ErrorOriginCount count;
  };
  struct Counters {
    explicit Counters(base::Metrics& metrics);
    base::Counter& requests;
    base::Counter& unsampled;
    base::Counter& refused_trees;
    base::Counter& dropped;
  };
  struct Pending {
    std::vector<Delta> deltas;
    std::vector<size_t> unsampled;  // places in the batch, one for each such request
    uint64_t refused_trees = 0;
    uint64_t dropped = 0;
  };

  ErrorLedger(store::LedgerJournal& journal, const base::Clock& clock, base::Metrics& metrics,
              const ErrorLedgerOptions& options);
  base::Result<> load(store::TraceStore& store);
  base::Result<> settle_doubt(store::TraceStore& store, const std::vector<Delta>& last);
  Pending collect(std::span<const store::SealedTrace> batch);
  void collect(const store::SealedTrace& trace, size_t place, Pending& pending);
  void count(const model::ErrorOriginCount& one);
  base::Result<> write_checkpoint();
  uint64_t minute_of(const model::Span& entry) const;
  uint64_t oldest_minute() const;  // that is kept

  store::LedgerJournal& journal_;
  const base::Clock& clock_;
  const ErrorLedgerOptions options_;
  Counters counters_;
  Pending pending_;
  uint64_t checkpoint_from_bytes_ = 0;  // of the journal: twice what the last one took
  std::string unsettled_;               // a record that could not be written; before any other

  std::mutex mutex_;
  ledger::ErrorOrigins origins_;  // guarded by mutex_
};

}  // namespace backstitch::ingest
