// What this node tells the other members, on its way to them: a durable queue and a sender for each. A member that left
// the list is told on for a while, since it may still hold parts of traces, or come back.
//
//   auto peers = PeerQueues::open({.directory = "data/peers", .connect = post_notes}, {files, clock, metrics});
//   peers->set_members(members, "10.0.0.1:4317");
//   peers->announce(plan, keeps);     // ingest::Peers, from here on
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "ingest/contract/peers.h"
#include "route/membership.h"
#include "route/peer_sender.h"

namespace backstitch::route {

struct PeerQueuesOptions {
  std::string directory;                                // one below it for each peer
  std::function<PostNotes(const Member&)> connect;      // the way to a peer
  PeerSenderOptions sender;                             // its queue's directory, name and seed are filled in
  base::Duration forget_after = std::chrono::hours(1);  // how long a member that left is told on; its
                                                        // files go at the next change of the list behind that
  // Who joins hears what was kept lately: of that age at most, and the newest so many bytes of it.
  base::Duration keeps_remembered = std::chrono::minutes(10);
  size_t keeps_remembered_bytes_max = 8 << 20;  // some 20 a trace
  uint64_t seed = 0;                            // as log::LogOptions has it
};

// Thread-safe.
//
// Metrics: those of PeerSender; backstitch_peer_notes_lost{queue, reason}: "queue_full", "peer_left",
// "no_queue".
class PeerQueues final : public ingest::Peers {
 public:
  static constexpr size_t kKeepsPerMessage = 4096;
  static constexpr size_t kMovedPerMessage = 2048;

  // Goes on with the queues that an earlier process left. All of `world` outlives it. Errors of DurableQueue::open.
  static base::Result<std::unique_ptr<PeerQueues>> open(PeerQueuesOptions options, DurableQueueWorld world);

  // Who takes part from now on. `self`: the own name, "" where that is not known yet (then this node is told too, which
  // harms nothing); it need not be a member. Errors of DurableQueue::open: the peers behind it in the list are not
  // told until the next call.
  base::Result<> set_members(std::shared_ptr<const Members> members, const std::string& self);
  // Those who are told, with how many messages wait for each.
  std::vector<std::pair<std::string, uint64_t>> waiting() const;

  base::Result<> announce(uint64_t plan, std::vector<model::KeptTrace> keeps) override;
  bool is_others(const model::TraceId& id) const override;
  base::Result<> tell_owners(uint64_t plan, std::vector<model::MovedTrace> moved) override;

 private:
  struct Peer {
    Member member;
    std::unique_ptr<PeerSender> sender;
    bool is_member = true;
    base::Duration left{0};  // when, where it is no member
  };
  struct RecentKeeps {
    base::Duration told{0};
    std::string message;
  };

  PeerQueues(PeerQueuesOptions options, DurableQueueWorld world);
  base::Result<> open_left();
  base::Result<> open_peer(const Member& member, bool is_member);
  std::map<std::string, Peer> adopt(std::shared_ptr<const Members> members, const std::string& self);
  void forget_old_keeps();
  bool is_forgotten(const Peer& peer) const;
  base::Result<> push(Peer& peer, const std::string& message);
  model::PeerNotes notes(uint64_t plan);
  base::Counter& lost(const std::string& queue, const char* reason);

  const PeerQueuesOptions options_;
  const DurableQueueWorld world_;

  std::mutex changing_;  // one set_members() at a time
  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::shared_ptr<const Members> members_ = std::make_shared<Members>();
  std::string self_;
  std::map<std::string, Peer> peers_;  // by directory
  uint64_t number_ = 0;                // of the last message
  std::deque<RecentKeeps> recent_keeps_;
  size_t recent_keeps_bytes_ = 0;
};

}  // namespace backstitch::route
