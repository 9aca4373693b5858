// Where traces are kept or dropped: asks the policies about what is due, writes the verdicts into the log, and from
// there they count. Late spans follow the decision that there is; evidence among them takes a drop back.
//
//   auto verdicts = decider.vote(due);          // may have to read the log: call again where it fails
//   decider.record(*verdicts);                  // peers hear of it, then one record of the log; likewise
//   … verdicts->kept is sealed, verdicts->dropped goes into grace …
//
// One thread at a time, but for what says otherwise.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "assemble/open_traces.h"
#include "base/counters.h"
#include "base/result.h"
#include "base/time.h"
#include "ingest/contract/peers.h"
#include "ingest/peer_news.h"
#include "ingest/recent_ids.h"
#include "ingest/sampler_journal.h"
#include "log/log.h"
#include "model/decision.h"
#include "sample/sampler.h"
#include "store/contract/decision_store.h"

namespace backstitch::ingest {

// A trace that somebody asks to keep, and what is here of it.
struct KeepOrder {
  model::KeptTrace by;  // why; its id and cause count always, the rest where the policies are ours
  std::vector<assemble::Fragment> fragments;
};

struct DeciderOptions {
  Peers* peers = nullptr;                   // null: a node alone
  store::LedgerJournal* budgets = nullptr;  // where checkpoints of the sampler go; null: a restart has full budgets
};

// What a replay saw of one trace.
struct SpansInLog {
  uint64_t count = 0;
  base::Timestamp first_received;
  base::Timestamp last_received;
};

class Decider {
 public:
  // Fragments that it is asked about at once: the decision store takes what is said of them in one piece.
  static constexpr uint64_t kDecidedAtOnce = 1 << 16;

  // All outlive it. Errors of DecisionStore::add_policy_set.
  static base::Result<std::unique_ptr<Decider>> open(const base::Clock& clock, log::Log& log,
                                                     store::DecisionStore& decisions,
                                                     std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics,
                                                     const DeciderOptions& options = {});

  // Errors of the log, where a policy asks for a whole trace, and of DecisionStore::find: call again with the same
  // vector. Budgets are spent once, however often it fails.
  base::Result<Verdicts> vote(const std::vector<assemble::Fragment>& due);
  // Peers hear of what concerns them first, so that a kill between the two loses nothing: what they hear twice or in
  // vain is harmless. Durable as the log is; the decision store has the batch then. What somebody kept since the vote
  // is kept: `verdicts` changes accordingly. NoSpace, Io, Overloaded: nothing was recorded.
  base::Result<> record(Verdicts& verdicts);
  // What was decided about a trace that the log has these spans of, and no decision; nothing where it is undecided. For
  // a replay: a record of decisions may leave the log before all spans that it decides.
  std::optional<model::Decision> decided_before(const model::TraceId& id, const SpansInLog& spans);
  // A person or a peer keeps these traces: durable as the log is when it returns, and true of all their spans to come,
  // also where nothing is here of them yet. Those that were kept already are not recorded again, and are taken out of
  // `orders`; of the others the shard hears next, or sealed() says that nothing is left of them. Any thread.
  base::Result<> record_keeps(std::vector<KeepOrder>& orders);
  // Whether it is decided already that the trace is kept. Errors of DecisionStore::find. Any thread.
  base::Result<bool> is_kept(const model::TraceId& id);
  // They are in the store: what was decided about them need not stay in the log for their sake. Any thread.
  void sealed(const std::vector<assemble::Fragment>& fragments);
  // A record of decisions found while the log is replayed; what it returns is how many references the record keeps.
  // `kept`: traces that it keeps and that have spans which are not in the store.
  uint32_t replayed(const log::Appended& at, const model::DecisionBatch& batch,
                    const std::vector<model::TraceId>& kept);
  // Forgets decisions made before `oldest_kept`, and the oldest while they take more than `bytes_max` on disk. A
  // failure is counted by the store, and tried again at the next call. Any thread.
  void enforce_retention(base::Timestamp oldest_kept, uint64_t bytes_max);
  // A step of the decision store's own work, and release_durable(). True where there is more to do at once.
  base::Result<bool> maintain(std::stop_token stop);

  // At the end, when nobody votes any more: budgets as they are.
  void checkpoint() { journal_.write(sampler_); }

  const sample::Plan& plan() const { return *plan_; }
  std::shared_ptr<const sample::Plan> shared_plan() const { return plan_; }

 private:
  struct Counters {
    Counters(base::Metrics& metrics, const sample::Plan& plan);

    base::Counter& kept;
    base::Counter& dropped;
    base::Counter& early;
    base::Counter& reopened;
    base::Counter& regretted;
    base::Counter& late_spans;
    base::Counter& failed;
    std::vector<base::Counter*> of_policies;
  };
  struct Recorded {
    log::Position position;
    uint64_t sequence = 0;
  };
  // A kept trace on its way to the store.
  struct Unsealed {
    uint32_t fragments = 0;
    uint64_t sequence = UINT64_MAX;  // of the first record that keeps it
    base::Duration counted{-1};      // a keep's record counts its fragments that were opened by then
  };
  // One fragment on its way to a verdict.
  struct Case {
    const assemble::Fragment* fragment = nullptr;
    sample::Ballot ballot;
    model::DecisionCause cause = model::DecisionCause::Window;
    bool is_voting = false;
    bool is_kept = false;            // that was decided before: nothing to vote on
    bool is_overtaken = false;       // likewise, but a drop was recorded behind it
    bool has_history = false;        // an earlier fragment of the trace was decided
    model::Decision before;          // the last of these, where the trace is not in grace
    bool is_regretted = false;       // what was dropped of it is gone
    uint32_t untold = 0;             // spans that no record counts, of all its fragments
    size_t judged_by = 0;            // the place of the trace's last fragment: that one votes for all
    sample::TraceFeatures features;  // of all of them
  };

  Decider(const base::Clock& clock, log::Log& log, store::DecisionStore& decisions,
          std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics, uint32_t policy_set,
          const DeciderOptions& options);

  bool has_voted_on(const std::vector<assemble::Fragment>& due) const;
  base::Result<std::vector<Case>> begin_all(const std::vector<assemble::Fragment>& due);
  base::Result<Case> begin(const assemble::Fragment& fragment);
  bool is_counted(const assemble::Fragment& fragment);
  void heed_keeps(Verdicts& verdicts);
  bool may_have_history(const model::TraceId& id) const;
  base::Result<std::vector<model::Decision>> history_of(const model::TraceId& id);
  void learn_ordered();
  model::Decision decision_of(const KeepOrder& order, base::Timestamp now) const;
  base::Result<> ask_about_traces(std::vector<Case>& cases, base::Timestamp now);
  void finish(Case& one, const std::string& otlp, base::Timestamp now);
  void conclude(const Case& one, const Case& judge, base::Timestamp now, Verdicts& verdicts);
  base::Result<> append(const model::DecisionBatch& batch, const std::function<void(uint64_t sequence)>& note_kept);
  Unsealed& unsealed(const model::TraceId& id, uint64_t sequence);  // under recorded_mutex_
  void remember(const model::DecisionBatch& batch);
  static void tell_late(const Case& one, base::Timestamp now, Verdicts& verdicts);
  model::Decision decision_of(const Case& one, base::Timestamp now) const;
  void count(const Verdicts& verdicts);
  base::Result<> make_room(uint64_t count);
  base::Result<> flush();
  void release_durable();

  const base::Clock& clock_;
  log::Log& log_;
  store::DecisionStore& decisions_;
  const std::shared_ptr<const sample::Plan> plan_;  // shared with who takes requests in: immutable
  sample::Sampler sampler_;
  SamplerJournal journal_;
  std::vector<Case> voted_;  // on which the budgets are spent, while their traces could not be read
  const uint32_t policy_set_;
  Counters counters_;
  std::optional<PeerNews> news_;  // none: a node alone

  RecentIds recent_;
  RecentIds recently_kept_;  // of which there are fewer: reaches further back
  // What was decided before, of which recent_ knows nothing: whether there is anything, and when it began.
  const bool has_past_;
  const base::Duration started_;

  std::mutex ordered_mutex_;
  std::vector<model::TraceId> ordered_;  // kept by record_keeps(), and not among recently_kept_ yet; guarded

  std::mutex keeping_;  // taken before the others: what is recorded heeds all keeps before it
  std::mutex maintaining_;
  std::mutex recorded_mutex_;
  std::deque<Recorded> recorded_;  // records that the log still holds; in order
  // What keeps them stays in the log: an older record, which says that they were dropped, may stay there longer.
  absl::flat_hash_map<model::TraceId, Unsealed> unsealed_;
  bool has_keeps_ = false;  // some of them are keeps; guarded likewise
};

}  // namespace backstitch::ingest
