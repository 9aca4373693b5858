// The path of `serve`: requests in, log, shards, seal, store. It owns the threads of that path:
//
//   callers' threads   receive_traces(): walk, mask, reserve queue room, append to the log, push
//   one per shard      OpenTraces: collects, notices what is due, answers queries about open traces
//   one sealer         asks the policies about what is due, reads it back from the log, commits what is kept
//   one housekeeper    syncs and trims the log, measures memory, removes what is past retention
//   one merger         keeps the store small and fast, slowly
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "assemble/open_reader.h"
#include "base/counters.h"
#include "base/time.h"
#include "ingest/contract/peers.h"
#include "ingest/contract/receiver.h"
#include "ingest/sdk_losses.h"
#include "ingest/seal.h"
#include "ingest/span_ledger.h"
#include "log/log.h"
#include "model/feature_plan.h"
#include "model/limits.h"
#include "store/contract/trace_store.h"

namespace backstitch::ingest {

struct PipelineOptions {
  size_t shards = 1;
  assemble::AssembleOptions assemble;
  model::FeaturePlan plan;
  std::shared_ptr<const sample::Plan> sampling;  // shared with those who take requests in; null: all is kept
  model::Limits limits;
  uint64_t memory_bytes_max = 2ULL << 30;   // of the whole process: MemoryBound
  uint64_t maintenance_bytes = 0;           // of these, what the store takes at most to maintain itself
  size_t shard_queue_bytes_max = 16 << 20;  // likewise where a shard is that far behind
  assemble::SealBudget seal_budget;
  base::Duration sync_interval{0};  // 0: the log is not synced by a timer
  base::Duration log_trim_interval = std::chrono::seconds(10);
  base::Duration retention_age = std::chrono::hours(72);
  double retention_disk_share = 0.8;  // of the file system, at most used before the oldest traces go
  base::Duration retention_interval = std::chrono::seconds(1);
  base::Duration decisions_retention = std::chrono::hours(7 * 24);
  uint64_t decisions_bytes_max = 4ULL << 30;
  uint64_t log_bytes_max = 20ULL << 30;  // as LogOptions has it: grace leaves a quarter of it free
  // Injected, since measuring asks the operating system.
  std::function<uint64_t()> resident_bytes = [] { return 0; };
  // Asks the allocator to return what is free to the system: a bound that only freed memory passes must not hold.
  std::function<void()> give_back_memory = [] {};
  // Called once by the merger's thread: nobody waits for its work.
  std::function<void()> lower_priority = [] {};
  // Where it is set, no threads are started: the owner gives each worker its turns (turn()), so that a seed decides
  // about their order. The sealer calls it where it has to try again; false: it gives up, as when the process ends.
  std::function<bool(base::Duration)> pause;
  // Bytes by which the data directory's file system is fuller than the given share of it.
  std::function<uint64_t(double share)> disk_bytes_beyond = [](double) { return 0; };
};

// Those who work on the path beside the callers.
enum class Worker : uint8_t { Shards, Sealer, Housekeeper, Merger };

class Pipeline : public Receiver, public assemble::ShardAccess {
 public:
  // Replays the log, then starts the threads. All references outlive the pipeline. `errors` counts the failures of
  // what is sealed, `losses` hears what SDKs say that they lost, `spans` counts all spans and calls, `decider` asks the
  // policies of PipelineOptions::sampling, `peers` hears what concerns other nodes (the decider's too); null where
  // nobody wants to know, and where there are no policies.
  static base::Result<std::unique_ptr<Pipeline>> start(const base::Clock& clock, log::Log& log,
                                                       store::TraceStore& store, base::Metrics& metrics,
                                                       PipelineOptions options, ErrorLedger* errors = nullptr,
                                                       SdkLosses* losses = nullptr, SpanLedger* spans = nullptr,
                                                       Decider* decider = nullptr, Peers* peers = nullptr);
  // Refuses what still comes in, and seals everything; where policies decide, only with `decides`, else what is
  // undecided waits in the log for the next start. Unavailable if that took longer than `wait`: what is left stays in
  // the log too. Queries about open traces go on until the destructor.
  virtual base::Result<> drain(base::Duration wait, bool decides = false) = 0;
  // Keeps the trace, whole where it is open or in grace, and on all peers. NotFound where nothing is left of it here.
  virtual base::Result<> keep(const model::TraceId& id, model::DecisionCause cause) = 0;
  // What a peer tells, durable as the log is when it returns: what is here of the traces that it keeps is kept, and so
  // is what will come; what it knows of others counts when they are decided here. The same message again is harmless.
  // NoSpace, Io, Overloaded: say it again. TooLarge: say it in parts.
  virtual base::Result<> take_notes(const model::PeerNotes& notes) = 0;
  // Tells the owners of today what is known here of their traces that are open or were dropped lately. To be called
  // once Peers::is_others answers by the new members. Errors of Peers: some were not told, which is counted.
  virtual base::Result<> members_changed() = 0;
  // Until when a drop of the trace can be taken back; unset where it is not in grace.
  virtual base::Timestamp reopen_until(const model::TraceId& id) = 0;
  virtual const Replayed& replayed() const = 0;
  // One round of a worker's loop, where there are no threads.
  virtual void turn(Worker worker) = 0;
};

}  // namespace backstitch::ingest
