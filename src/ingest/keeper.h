// What others ask of the path: a person or a peer keeps traces, a peer tells what it knows of traces that this node
// decides about, and new members want to hear of the traces that became theirs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "base/time.h"
#include "ingest/contract/peers.h"
#include "ingest/decider.h"
#include "ingest/note_numbers.h"
#include "ingest/peer_records.h"
#include "ingest/shard.h"
#include "log/log.h"
#include "model/peer_notes.h"

namespace backstitch::ingest {

// Thread-safe: runs on callers' threads, and waits for those of the shards.
class Keeper {
 public:
  // All outlive it. `decider`: null where every trace is kept; `peers`: null for a node alone.
  // `post` brings a message to a shard.
  using Post = std::function<void(size_t shard, ShardMessage message)>;
  Keeper(const base::Clock& clock, log::Log& log, Decider* decider, Peers* peers,
         const std::vector<std::unique_ptr<Shard>>& shards, base::Metrics& metrics, Post post);

  // Messages that the log has.
  void replayed(const NoteNumbers& numbers);

  // Pipeline's.
  base::Result<> keep(const model::TraceId& id, model::DecisionCause cause);
  base::Result<> take(const model::PeerNotes& notes);
  base::Result<> members_changed();

 private:
  struct Counters {
    explicit Counters(base::Metrics& metrics);

    base::Counter& keeps;
    base::Counter& keeps_known;
    base::Counter& features;
    base::Counter& features_repeated;
    base::Counter& features_alien;
    base::Counter& features_broken;
    base::Counter& features_lost;
  };

  base::Result<> take_keeps(const model::PeerNotes& notes);
  base::Result<> take_moved(const model::PeerNotes& notes);
  base::Result<> order_keeps(size_t shard, std::vector<KeepOrder>& orders, size_t& lost);
  base::Result<> append(const model::PeerNotes& notes, PeerRecords records);
  void on_shard(size_t shard, const std::function<void(OpenTraces&)>& act);

  const base::Clock& clock_;
  log::Log& log_;
  Decider* const decider_;
  Peers* const peers_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  Counters counters_;
  const Post post_;

  std::mutex taking_;  // one message's features at a time, so that none is taken twice
  NoteNumbers numbers_;
};

}  // namespace backstitch::ingest
