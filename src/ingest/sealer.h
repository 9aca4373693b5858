// The thread that ends fragments: asks the policies about them, where there are policies, and commits what is kept to
// the store. What it cannot do now (a full disk, a log that cannot be read) it tries again until it can; nothing
// overtakes what waits.
//
//   Sealer sealer(…, [&](size_t shard, Sealer::Ended ended) { … back to the shard … });
//   sealer.start();
//   sealer.add({shard, fragments});    // the shard's next one once `takes_more`
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "assemble/open_traces.h"
#include "base/time.h"
#include "ingest/counters.h"
#include "ingest/decider.h"
#include "ingest/error_ledger.h"
#include "ingest/seal.h"
#include "ingest/span_ledger.h"
#include "log/log.h"
#include "store/contract/trace_store.h"

namespace backstitch::ingest {

// How much the policies are asked about at once, where a block holds `of_block`. Traces that came together are decided
// together, so that their records are read back once; what is kept of a job is read in parts that a block holds.
assemble::SealBudget job_budget(const assemble::SealBudget& of_block);

class Sealer {
 public:
  struct Job {
    size_t shard = 0;
    std::vector<assemble::Fragment> fragments;
  };
  // What came of a shard's fragments; called on the sealer's thread.
  struct Ended {
    std::vector<assemble::Fragment> sealed;
    std::vector<assemble::Fragment> dropped;
    std::vector<assemble::Fragment> reopened;  // dropped before, kept now, not sealed yet
    bool takes_more = false;                   // the job is done: the shard may send its next one
  };
  using Tell = std::function<void(size_t shard, Ended ended)>;

  struct Options {
    // How much of what the policies kept is gathered for one block, and how long; without policies a job is a batch.
    assemble::SealBudget budget;
    Decider* decider = nullptr;     // null: no policies
    ErrorLedger* errors = nullptr;  // null: nobody counts; so with the next
    SpanLedger* spans = nullptr;
    std::function<bool(base::Duration)> pause = nullptr;  // before trying again; false: give up. Null: time passes
  };
  // All outlive it.
  Sealer(const base::Clock& clock, log::Log& log, store::TraceStore& store, IngestCounters& counters,
         const Options& options, Tell tell);
  ~Sealer();

  void start();
  // A stop comes before what is left: that stays in the log for the next start.
  void stop();
  void add(Job job);
  // Where there is no thread: ends what was added. False where `pause` gave up.
  bool work();
  // From now on nothing waits for more of it.
  void hurry() { is_hurried_ = true; }
  bool is_sealing() const { return is_sealing_; }

 private:
  // Of one shard: kept, and not in the store yet.
  struct Kept {
    SealBatch batch;
    base::Duration since{0};
  };

  void run(const std::stop_token& token);
  bool end_all(std::deque<Job> jobs, const std::stop_token& token);
  bool end(Job job, const std::stop_token& token);
  bool decide(Job job, const std::stop_token& token);
  bool try_read(std::span<const assemble::Fragment> kept, std::span<const assemble::Fragment> dropped,
                DecidedBatch& read);
  bool keep(size_t shard, SealBatch batch, const std::stop_token& token);
  bool seal_what_waited(const std::stop_token& token);
  bool seal_kept(size_t shard, const std::stop_token& token);
  bool seal_batch(size_t shard, SealBatch batch, const std::stop_token& token);
  // False where a stop ended it before `attempt` succeeded.
  bool until_done(const std::stop_token& token, const std::function<bool()>& attempt);

  const base::Clock& clock_;
  log::Log& log_;
  store::TraceStore& store_;
  IngestCounters& counters_;
  const Options options_;
  const Tell tell_;

  std::vector<Kept> kept_;  // by shard
  std::atomic<bool> is_sealing_{false};
  std::atomic<bool> is_hurried_{false};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace backstitch::ingest
