#include "route/peer_queues.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "net/http.h"

namespace backstitch::route {
namespace {

// A directory says whom its queue is for.
std::string directory_name(const Member& member) { return net::percent_encode(to_string(member)); }

std::string queue_name(const Member& member) { return "notes " + to_string(member); }

// `all` in pieces of at most `size`, moved out.
template <typename T>
std::vector<std::vector<T>> pieces(std::vector<T> all, size_t size) {
  std::vector<std::vector<T>> result;
  for (size_t at = 0; at < all.size(); at += size) {
    const auto first = all.begin() + static_cast<ptrdiff_t>(at);
    const auto end = all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), at + size));
    result.emplace_back(std::make_move_iterator(first), std::make_move_iterator(end));
  }
  return result;
}

}  // namespace

base::Result<std::unique_ptr<PeerQueues>> PeerQueues::open(PeerQueuesOptions options, DurableQueueWorld world) {
  std::unique_ptr<PeerQueues> queues(new PeerQueues(std::move(options), world));
  if (auto opened = queues->open_left(); !opened) return std::unexpected(opened.error());
  return queues;
}

PeerQueues::PeerQueues(PeerQueuesOptions options, DurableQueueWorld world)
    : options_(std::move(options)), world_(world) {}

base::Result<> PeerQueues::open_left() {
  if (auto made = world_.files.create_directories(options_.directory); !made) return made;
  const auto names = world_.files.list(options_.directory);
  if (!names) return std::unexpected(names.error());
  const std::lock_guard lock(mutex_);
  for (const std::string& name : *names) {
    const auto member = parse_member(net::percent_decode(name));
    if (!member || directory_name(*member) != name) continue;
    const auto files = world_.files.list(options_.directory + "/" + name);
    if (!files || files->empty()) continue;
    if (auto opened = open_peer(*member, false); !opened) return opened;
  }
  return {};
}

base::Result<> PeerQueues::open_peer(const Member& member, bool is_member) {
  const std::string directory = directory_name(member);
  if (const auto known = peers_.find(directory); known != peers_.end()) {
    known->second.is_member = is_member;
    return {};
  }
  PeerSenderOptions sender = options_.sender;
  sender.queue.directory = options_.directory + "/" + directory;
  sender.queue.name = queue_name(member);
  sender.queue.seed = options_.seed;
  auto started = PeerSender::start(std::move(sender), options_.connect(member), world_);
  if (!started) return std::unexpected(started.error());
  Peer& peer = peers_
                   .emplace(directory, Peer{.member = member,
                                            .sender = std::move(*started),
                                            .is_member = is_member,
                                            .left = world_.clock.monotonic()})
                   .first->second;
  if (!is_member) return {};
  // It may get the rest of traces that are kept already.
  forget_old_keeps();
  for (const RecentKeeps& keeps : recent_keeps_) {
    if (auto pushed = push(peer, keeps.message); !pushed) return pushed;
  }
  return {};
}

void PeerQueues::forget_old_keeps() {
  const base::Duration now = world_.clock.monotonic();
  while (!recent_keeps_.empty() && (now - recent_keeps_.front().told > options_.keeps_remembered ||
                                    recent_keeps_bytes_ > options_.keeps_remembered_bytes_max)) {
    recent_keeps_bytes_ -= recent_keeps_.front().message.size();
    recent_keeps_.pop_front();
  }
}

base::Result<> PeerQueues::set_members(std::shared_ptr<const Members> members, const std::string& self) {
  const std::lock_guard changing(changing_);
  for (auto& [directory, peer] : adopt(std::move(members), self)) {
    if (peer.member.name != self) lost(queue_name(peer.member), "peer_left").add(peer.sender->waiting());
    peer.sender.reset();  // waits for its call: nobody else does
    const std::string path = options_.directory + "/" + directory;
    const auto files = world_.files.list(path);
    if (!files) continue;
    for (const std::string& file : *files) (void)world_.files.remove(path + "/" + file);
  }
  base::Result<> result;
  const std::lock_guard lock(mutex_);
  for (const Member& member : members_->all()) {
    if (member.name == self_) continue;
    if (auto opened = open_peer(member, true); !opened && result) result = opened;
  }
  return result;
}

// Those who are told no more.
std::map<std::string, PeerQueues::Peer> PeerQueues::adopt(std::shared_ptr<const Members> members,
                                                          const std::string& self) {
  const std::lock_guard lock(mutex_);
  members_ = std::move(members);
  self_ = self;
  std::map<std::string, Peer> gone;
  for (auto at = peers_.begin(); at != peers_.end();) {
    Peer& peer = at->second;
    const auto place = members_->find(peer.member.name);
    const bool is_member = place && (*members_)[*place] == peer.member;
    if (peer.is_member && !is_member) peer.left = world_.clock.monotonic();
    peer.is_member = is_member;
    const bool is_gone = peer.member.name == self_ || is_forgotten(peer);
    if (is_gone) gone.emplace(at->first, std::move(peer));
    at = is_gone ? peers_.erase(at) : std::next(at);
  }
  return gone;
}

std::vector<std::pair<std::string, uint64_t>> PeerQueues::waiting() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, uint64_t>> result;
  for (const auto& [directory, peer] : peers_) result.emplace_back(peer.member.name, peer.sender->waiting());
  return result;
}

base::Counter& PeerQueues::lost(const std::string& queue, const char* reason) {
  return world_.metrics.counter("backstitch_peer_notes_lost", "Messages that never reach a peer",
                                {{"queue", queue}, {"reason", reason}});
}

// A peer that is away for so long that its queue is full must not stop this node. A full disk does: what is not told
// now is recorded when there is room, and told then.
base::Result<> PeerQueues::push(Peer& peer, const std::string& message) {
  auto pushed = peer.sender->push(message);
  if (pushed || !peer.sender->is_full()) return pushed;
  lost(queue_name(peer.member), "queue_full").add();
  return {};
}

// The clock only makes numbers differ from those of earlier processes.
model::PeerNotes PeerQueues::notes(uint64_t plan) {
  number_ = std::max(number_ + 1, world_.clock.now().unix_nanos);
  return {.from = self_.substr(0, model::kPeerNameBytesMax), .number = number_, .plan = plan, .keeps = {}, .moved = {}};
}

base::Result<> PeerQueues::announce(uint64_t plan, std::vector<model::KeptTrace> keeps) {
  const std::lock_guard lock(mutex_);
  for (auto& piece : pieces(std::move(keeps), kKeepsPerMessage)) {
    model::PeerNotes message = notes(plan);
    message.keeps = std::move(piece);
    const std::string bytes = model::encode_peer_notes(message);
    for (auto& [directory, peer] : peers_) {
      if (is_forgotten(peer)) continue;
      if (auto pushed = push(peer, bytes); !pushed) return pushed;
    }
    recent_keeps_bytes_ += bytes.size();
    recent_keeps_.push_back({world_.clock.monotonic(), bytes});
    forget_old_keeps();
  }
  return {};
}

bool PeerQueues::is_forgotten(const Peer& peer) const {
  return !peer.is_member && world_.clock.monotonic() - peer.left >= options_.forget_after;
}

bool PeerQueues::is_others(const model::TraceId& id) const {
  const std::lock_guard lock(mutex_);
  return !members_->empty() && !self_.empty() && (*members_)[members_->owner_of(id.low64())].name != self_;
}

base::Result<> PeerQueues::tell_owners(uint64_t plan, std::vector<model::MovedTrace> moved) {
  const std::lock_guard lock(mutex_);
  if (members_->empty()) return {};
  std::map<std::string, std::vector<model::MovedTrace>> by_owner;  // by directory
  for (model::MovedTrace& one : moved) {
    const Member& owner = (*members_)[members_->owner_of(one.id.low64())];
    if (owner.name != self_) by_owner[directory_name(owner)].push_back(std::move(one));
  }
  for (auto& [directory, traces] : by_owner) {
    const auto peer = peers_.find(directory);
    if (peer == peers_.end()) {  // its queue could not be opened: set_members() said so
      lost("notes " + directory, "no_queue").add();
      continue;
    }
    for (auto& piece : pieces(std::move(traces), kMovedPerMessage)) {
      model::PeerNotes message = notes(plan);
      message.moved = std::move(piece);
      if (auto pushed = push(peer->second, model::encode_peer_notes(message)); !pushed) return pushed;
    }
  }
  return {};
}

}  // namespace backstitch::route
