#include "app/cluster.h"

#include <random>
#include <spdlog/spdlog.h>
#include <utility>

#include "app/members.h"
#include "net/http_client.h"

namespace backstitch::app {
namespace {

constexpr base::Duration kCallTimeout = std::chrono::seconds(3);  // a stop waits for the call that is under way

std::string epoch_of(const route::Members& members) { return members.empty() ? "" : members.epoch_text(); }

// The way to one peer: a connection that is kept.
route::PostNotes way_to(const route::Member& peer, route::MemberSource& members) {
  // Shared, since functions are copied: one sender uses it.
  std::shared_ptr<net::HttpClient> client = net::HttpClient::create(peer.query.host, peer.query.port, kCallTimeout);
  return [client, &members](std::string_view body) {
    const net::HttpHeaders headers = {{"content-type", "application/octet-stream"},
                                      {std::string(route::kEpochHeader), epoch_of(*members.current())}};
    return client->call("POST", api::kPeerNotesTarget, headers, body);
  };
}

uint64_t random_seed() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

base::Result<std::unique_ptr<Cluster>> Cluster::open(const Config& config, route::MemberSource& members,
                                                     base::FileSystem& files, const base::Clock& clock,
                                                     base::Metrics& metrics) {
  std::unique_ptr<Cluster> cluster(new Cluster(config, members, files, clock, metrics));
  route::PeerQueuesOptions options{.directory = cluster->directory_,
                                   .connect = [&members](const route::Member& peer) { return way_to(peer, members); },
                                   .seed = random_seed()};
  options.sender.queue.sync = config.durability.sync;
  auto queues = route::PeerQueues::open(std::move(options), {files, clock, metrics});
  if (!queues) return std::unexpected(queues.error());
  cluster->queues_ = std::move(*queues);
  // Traces are decided before there is a listener: a port that is written out says who this is already.
  const auto& address = config.listen.otlp_grpc;
  cluster->listener_ = address && address->port != 0 ? net::to_string(*address) : "";
  cluster->follow(members.current());
  return cluster;
}

Cluster::Cluster(const Config& config, route::MemberSource& members, base::FileSystem& files, const base::Clock& clock,
                 base::Metrics& metrics)
    : config_(config.peers),
      directory_(config.data + "/peers"),
      members_(members),
      files_(files),
      epochs_(clock, metrics, [&members] { return epoch_of(*members.current()); }) {}

base::Result<> Cluster::join(ingest::Pipeline& pipeline, const std::string& listener) {
  if (!config_.members.empty()) {
    const auto self = self_among(*members_.current(), config_, listener);
    if (!self) return std::unexpected(self.error());
  }
  {
    const std::lock_guard following(follower_->mutex);
    follower_->cluster = this;
    listener_ = listener;
    const std::lock_guard lock(mutex_);
    pipeline_ = &pipeline;
  }
  members_.watch([follower = follower_](const auto& members) {
    const std::lock_guard following(follower->mutex);
    if (follower->cluster != nullptr) follower->cluster->follow(members);
  });
  return {};
}

void Cluster::leave() {
  const std::lock_guard following(follower_->mutex);
  follower_->cluster = nullptr;
  const std::lock_guard lock(mutex_);
  pipeline_ = nullptr;
}

ingest::Pipeline* Cluster::pipeline() const {
  const std::lock_guard lock(mutex_);
  return pipeline_;
}

// On the thread that noticed the change. Who is no member still has a name: then all traces are others'.
void Cluster::follow(const std::shared_ptr<const route::Members>& members) {
  const auto self = self_among(*members, config_, listener_);
  {
    const std::lock_guard lock(mutex_);
    self_ = self ? *self : "";
  }
  const std::string name = self ? *self : config_.self.empty() ? listener_ : config_.self;
  if (const auto set = queues_->set_members(members, name); !set) {
    spdlog::error("some peers are not told what this node keeps: {}", set.error().message);
  }
  ingest::Pipeline* const joined = pipeline();
  if (joined == nullptr) return;
  spdlog::info("{} members, epoch {}; this node is {}", members->size(), members->epoch_text(),
               self ? *self : "none of them: " + self.error().message);
  tell_owners(*joined, epoch_of(*members));
}

// What was told before a restart is not told again.
void Cluster::tell_owners(ingest::Pipeline& pipeline, const std::string& epoch) {
  if (epoch.empty() || read_epoch() == epoch) return;
  const auto told = pipeline.members_changed();
  if (!told) {
    spdlog::error("not all owners hear of traces that became theirs: {}", told.error().message);
    return;  // at the next start again
  }
  if (const auto written = write_epoch(epoch); !written) spdlog::warn("{}", written.error().message);
}

std::string Cluster::read_epoch() const {
  const auto file = files_.open(directory_ + "/epoch", base::OpenMode::ReadOnly);
  if (!file) return "";
  char text[16];
  const auto size = (*file)->read_at(0, text, sizeof(text));
  return size ? std::string(text, *size) : "";
}

base::Result<> Cluster::write_epoch(const std::string& epoch) {
  const std::string path = directory_ + "/epoch";
  (void)files_.remove(path + ".tmp");
  {
    const auto file = files_.open(path + ".tmp", base::OpenMode::Create);
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write_at(0, {epoch}); !written) return written;
  }
  return files_.rename(path + ".tmp", path);
}

api::PeerCalls Cluster::calls() {
  const auto take = [this](const model::PeerNotes& notes) -> base::Result<> {
    ingest::Pipeline* const joined = pipeline();
    if (joined == nullptr) return base::fail(base::Errc::Unavailable, "starting, or shutting down");
    return joined->take_notes(notes);
  };
  return {.take_notes = take,
          .saw_epoch = [this](std::string_view epoch) { epochs_.see("node", epoch); },
          .status = [this] { return status(); }};
}

api::PeersStatus Cluster::status() const {
  const auto members = members_.current();
  api::PeersStatus status{.epoch = epoch_of(*members), .members = {}};
  {
    const std::lock_guard lock(mutex_);
    status.self = self_;
  }
  for (const route::Member& member : members->all()) status.members.push_back(route::to_string(member));
  for (const auto& [peer, messages] : queues_->waiting()) status.waiting.push_back({peer, messages});
  for (const route::DifferingEpoch& one : epochs_.differing()) {
    status.differing.push_back({one.from, one.epoch, one.since, one.last, one.messages});
  }
  return status;
}

}  // namespace backstitch::app
