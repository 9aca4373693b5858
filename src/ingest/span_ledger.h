// The ledger of spans: rates, errors and durations of every operation and of every call between services, from all
// traffic, whatever is kept of it; and how these figures stay exact over a crash.
//
//   enter()             a request goes to the log
//   count(…)            its spans count, by its log sequence
//   begin(), commit()   a batch of traces is decided and its calls count, as ErrorLedger counts failures
//   checkpoint()        all figures, and the sequence up to which they have every span
//
// A record stays in the log until a checkpoint has it: each holds a reference of its segment. A process that starts
// takes the last checkpoint and counts again what the log has behind its sequence. So a figure is what counting all
// accepted spans one by one would give, once, whatever crashes. docs/formats/ledger.md, "The ledger of spans".
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "ingest/span_counter.h"
#include "log/log.h"
#include "store/contract/ledger_journal.h"

namespace backstitch::ingest {

struct SpanLedgerOptions {
  DecidedTraces::Bounds bounds;
  base::Duration checkpoint_interval = std::chrono::seconds(5);
  base::Duration idle_max = std::chrono::hours(1);  // what nobody called for that long is forgotten, its bound freed
};

class SpanLedger {
 public:
  // Up to which sequence a trace is decided for good: 0 for one that is not.
  using CoveredSequence = std::function<base::Result<uint64_t>(const model::TraceId&)>;

  // Shows itself on /metrics. Corrupt, Io; what `covered_sequence` fails with. All outlive it, and it outlives the last
  // rendering of `metrics`.
  static base::Result<std::unique_ptr<SpanLedger>> open(store::LedgerJournal& journal,
                                                        const CoveredSequence& covered_sequence,
                                                        const base::Clock& clock, base::Metrics& metrics,
                                                        const SpanLedgerOptions& options = {});

  // --- At receipt; any threads ---

  // Held from before a request is appended to the log until it was counted: no checkpoint falls in between.
  using Entry = std::shared_lock<std::shared_mutex>;
  Entry enter();
  // The record at `at` was appended with a reference for the ledger.
  void count(const Entry& entry, const log::Appended& at, const model::RequestDigest& digest, std::string_view payload);

  // --- At a restart; before all others, one thread ---

  // What the last checkpoint has. The log's sequences must go on behind it.
  uint64_t included_sequence() const { return included_sequence_; }
  // Whether the record is behind the checkpoint: then it must keep a reference for the ledger, and is counted by
  // recount().
  bool notes(const log::Appended& at);
  // Io: try again, from the start of the process.
  base::Result<> recount(log::Log& log);

  // --- At a decision; one thread ---

  // Where so many traces are to be collected for begin().
  std::unique_ptr<DecidedTraces> prepare(size_t count) const {
    return std::make_unique<DecidedTraces>(count, options_.bounds);
  }
  // One of the traces of a batch that is decided as a whole: whether it is tells whether the batch counts.
  struct Witness {
    model::TraceId id;
    uint64_t covered_sequence = 0;
  };
  // Before the batch is decided for good: what it adds goes to the journal, synced. On failure it must not be decided.
  // Called again, it forgets the batch before.
  base::Result<> begin(const DecidedTraces& batch, const Witness& witness);
  // After it was. The exemplars count, too.
  void commit(const DecidedTraces& batch);
  // The same of traces that were dropped: no exemplars, and exact over a crash only up to the last checkpoint, since no
  // store tells whether the batch was decided.
  void commit_dropped(const DecidedTraces& batch);

  // --- Now and then; any thread ---

  // Does nothing before the interval is over, or where nothing changed. A failure is counted, and tried again later:
  // until then the log keeps what is not in the checkpoint.
  void checkpoint_if_due(log::Log& log);
  base::Result<> checkpoint(log::Log& log);

  // Whole families for /metrics.
  void render(bool with_exemplars, std::string& out);
  std::vector<ledger::SpanSeries> span_rows();
  std::vector<ledger::CallEdge> call_edges();

 private:
  struct Counters {
    explicit Counters(base::Metrics& metrics);
    base::Counter& spans_without_name;
    base::Counter& calls_without_names;
    base::Counter& series_forgotten;
    base::Counter& checkpoint_failures;
    base::Counter& records_lost;
  };
  // What a thread counts into while it has a request at hand.
  struct Table {
    explicit Table(const ledger::SpanMetricsBounds& bounds) : counter(bounds) {}
    std::mutex mutex;
    SpanCounter counter;  // guarded by mutex
  };
  // A batch in the journal that nothing is said of yet.
  struct Pending {
    Witness witness;
    std::string graph;  // encoded
  };

  SpanLedger(store::LedgerJournal& journal, const base::Clock& clock, base::Metrics& metrics,
             const SpanLedgerOptions& options);
  base::Result<> load(const CoveredSequence& covered_sequence);
  base::Result<> load_record(std::string_view record);
  base::Result<> settle(const CoveredSequence& covered_sequence);
  base::Result<> add_pending();
  Table& borrow();
  void give_back(Table& table);
  void collect_tables();  // under whole_mutex_
  void put_pending(std::string& out) const;
  base::Result<> write_settled();
  std::string checkpoint_record(uint64_t& sequence, std::map<uint64_t, uint32_t>& references);

  store::LedgerJournal& journal_;
  const base::Clock& clock_;
  const SpanLedgerOptions options_;
  Counters counters_;

  std::mutex turnstile_;  // so that those who enter do not starve the checkpoint
  std::shared_mutex gate_;

  std::mutex tables_mutex_;
  std::vector<std::unique_ptr<Table>> tables_;  // guarded by tables_mutex_; so is free_
  std::vector<Table*> free_;

  std::mutex references_mutex_;
  uint64_t last_sequence_ = 0;                // that was counted; guarded by references_mutex_
  std::map<uint64_t, uint32_t> references_;   // by segment; guarded by references_mutex_
  std::vector<log::Position> to_be_counted_;  // of a restart

  // Taken in this order, journal_mutex_ before the gate.
  std::mutex journal_mutex_;
  std::optional<Pending> pending_;     // guarded by journal_mutex_
  bool is_settled_unwritten_ = false;  // likewise: must be written before any other record
  bool has_graph_changed_ = false;     // likewise: since the last checkpoint
  base::Duration checkpointed_{0};     // likewise
  std::atomic<uint64_t> included_sequence_{0};

  std::mutex whole_mutex_;
  ledger::SpanMetrics whole_;   // guarded by whole_mutex_
  ledger::ServiceGraph graph_;  // guarded by whole_mutex_
};

}  // namespace backstitch::ingest
