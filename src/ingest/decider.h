// Where traces are kept or dropped: asks the policies about what is due, writes the verdicts into the log, and from
// there they count. Late spans follow the decision that there is; evidence among them takes a drop back.
//
//   auto verdicts = decider.vote(due);          // may have to read the log: call again where it fails
//   decider.record(*verdicts);                  // one record of the log; likewise
//   … verdicts->kept is sealed, verdicts->dropped goes into grace …
//
// One thread at a time, but for maintain(), which any thread may call.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "assemble/open_traces.h"
#include "base/counters.h"
#include "base/result.h"
#include "base/time.h"
#include "ingest/recent_ids.h"
#include "log/log.h"
#include "model/decision.h"
#include "sample/sampler.h"
#include "store/contract/decision_store.h"

namespace backstitch::ingest {

struct Verdicts {
  std::vector<assemble::Fragment> kept;
  std::vector<assemble::Fragment> dropped;
  model::DecisionBatch batch;  // what is new in them
};

class Decider {
 public:
  // All outlive it. Errors of DecisionStore::add_policy_set.
  static base::Result<std::unique_ptr<Decider>> open(const base::Clock& clock, log::Log& log,
                                                     store::DecisionStore& decisions,
                                                     std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics);

  // Errors of the log, where a policy asks for a whole trace, and of DecisionStore::find. Budgets are spent once it
  // succeeds.
  base::Result<Verdicts> vote(const std::vector<assemble::Fragment>& due);
  // Durable as the log is; the decision store has the batch then. NoSpace, Io, Overloaded: nothing was recorded.
  base::Result<> record(const Verdicts& verdicts);
  // What was decided about a trace that the log has so many spans of, received up to then, and no decision; nothing
  // where it is undecided. For a replay: a record of decisions may leave the log before all spans that it decides.
  std::optional<model::Decision> decided_before(const model::TraceId& id, uint64_t spans, base::Timestamp received);
  // A person or a peer keeps a trace of which `fragments` are here: durable as the log is when it returns. Any thread.
  base::Result<> record_keep(const std::vector<assemble::Fragment>& fragments, model::DecisionCause cause);
  // A record of decisions found while the log is replayed; what it returns is how many references the record keeps.
  uint32_t replayed(const log::Appended& at, const model::DecisionBatch& batch);
  // Forgets decisions made before `oldest_kept`, and the oldest while they take more than `bytes_max` on disk. A
  // failure is counted by the store, and tried again at the next call. Any thread.
  void enforce_retention(base::Timestamp oldest_kept, uint64_t bytes_max);
  // A step of the decision store's own work, and release_durable(). True where there is more to do at once.
  base::Result<bool> maintain(std::stop_token stop);

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
  // One fragment on its way to a verdict.
  struct Case {
    const assemble::Fragment* fragment = nullptr;
    sample::Ballot ballot;
    model::DecisionCause cause = model::DecisionCause::Window;
    bool is_voting = false;
    bool is_kept = false;            // that was decided before: nothing to vote on
    bool has_history = false;        // an earlier fragment of the trace was decided
    bool is_regretted = false;       // what was dropped of it is gone
    size_t judged_by = 0;            // the place of the trace's last fragment: that one votes for all
    sample::TraceFeatures features;  // of all of them
  };

  Decider(const base::Clock& clock, log::Log& log, store::DecisionStore& decisions,
          std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics, uint32_t policy_set);

  base::Result<std::vector<Case>> begin_all(const std::vector<assemble::Fragment>& due);
  base::Result<Case> begin(const assemble::Fragment& fragment);
  bool may_have_history(const model::TraceId& id) const;
  base::Result<> ask_about_traces(std::vector<Case>& cases, base::Timestamp now);
  void conclude(const Case& one, const Case& judge, base::Timestamp now, Verdicts& verdicts);
  base::Result<> append(const model::DecisionBatch& batch);
  void remember(const model::DecisionBatch& batch);
  model::Decision decision_of(const Case& one, base::Timestamp now) const;
  void count(const Verdicts& verdicts);
  base::Result<> make_room();
  void release_durable();

  const base::Clock& clock_;
  log::Log& log_;
  store::DecisionStore& decisions_;
  const std::shared_ptr<const sample::Plan> plan_;  // shared with who takes requests in: immutable
  sample::Sampler sampler_;
  const uint32_t policy_set_;
  Counters counters_;

  RecentIds recent_;
  RecentIds recently_kept_;       // of which there are fewer: reaches further back
  const base::Duration started_;  // before that recent_ knows nothing

  std::mutex maintaining_;
  std::mutex recorded_mutex_;
  std::deque<Recorded> recorded_;  // records that the log still holds; in order
};

}  // namespace backstitch::ingest
