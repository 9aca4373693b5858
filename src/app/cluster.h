// The other nodes, as a server has them: what it tells them, whose traces are whose, and who goes by another list.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "api/native/peers.h"
#include "app/config.h"
#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "ingest/pipeline.h"
#include "route/epoch_watch.h"
#include "route/member_source.h"
#include "route/peer_queues.h"

namespace backstitch::app {

class Cluster {
 public:
  // All outlive it. Errors of PeerQueues::open.
  static base::Result<std::unique_ptr<Cluster>> open(const Config& config, route::MemberSource& members,
                                                     base::FileSystem& files, const base::Clock& clock,
                                                     base::Metrics& metrics);
  ~Cluster() { leave(); }

  // Where the path tells what concerns others.
  ingest::Peers& peers() { return *queues_; }
  route::EpochWatch& epochs() { return epochs_; }

  // From now on this node follows the list, and tells `pipeline` of changes until leave(). `listener`: the bound
  // address of its OTLP gRPC. NotFound where the list cannot change and does not have this node. Once.
  base::Result<> join(ingest::Pipeline& pipeline, const std::string& listener);
  // Waits for a change that is being followed.
  void leave();

  // For the query port; while joined.
  api::PeerCalls calls();

 private:
  // What the list calls: it may outlive the cluster. Held while a change is followed.
  struct Follower {
    std::mutex mutex;
    Cluster* cluster = nullptr;  // null once it left
  };

  Cluster(const Config& config, route::MemberSource& members, base::FileSystem& files, const base::Clock& clock,
          base::Metrics& metrics);

  void follow(const std::shared_ptr<const route::Members>& members);
  void tell_owners(ingest::Pipeline& pipeline, const std::string& epoch);
  ingest::Pipeline* pipeline() const;
  api::PeersStatus status() const;
  std::string read_epoch() const;
  base::Result<> write_epoch(const std::string& epoch);

  const PeersConfig config_;
  const std::string directory_;
  route::MemberSource& members_;
  base::FileSystem& files_;
  route::EpochWatch epochs_;
  std::unique_ptr<route::PeerQueues> queues_;

  const std::shared_ptr<Follower> follower_ = std::make_shared<Follower>();  // shared with the list
  std::string listener_;                                                     // guarded by follower_->mutex

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::string self_;
  ingest::Pipeline* pipeline_ = nullptr;  // while joined
};

}  // namespace backstitch::app
