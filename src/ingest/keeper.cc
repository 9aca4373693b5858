#include "ingest/keeper.h"

#include <future>
#include <utility>

#include "assemble/open_reader.h"

namespace backstitch::ingest {
namespace {

constexpr uint32_t kLookedAtOnce = 4096;  // traces, by a shard that others wait for

base::Counter& features_refused(base::Metrics& metrics, const char* reason) {
  return metrics.counter("backstitch_peer_features_refused", "Traces that a peer told of, to no avail",
                         {{"reason", reason}});
}

size_t queue_cost(const assemble::ShardRecord& record) {
  return record.parts.size() * (sizeof(assemble::TracePart) + sizeof(sample::TraceFeatures));
}

}  // namespace

Keeper::Counters::Counters(base::Metrics& metrics)
    : keeps(metrics.counter("backstitch_peer_keeps", "Traces that peers keep, taken over from them")),
      keeps_known(metrics.counter("backstitch_peer_keeps_known", "Likewise, of traces that were kept here already")),
      features(metrics.counter("backstitch_peer_features", "Traces of which a peer told what it knows")),
      features_repeated(features_refused(metrics, "repeated")),
      features_alien(features_refused(metrics, "other_policies")),
      features_broken(features_refused(metrics, "malformed")),
      features_lost(metrics.counter("backstitch_peer_features_lost",
                                    "Traces that became another's, which could not be told of")) {}

Keeper::Keeper(const base::Clock& clock, log::Log& log, Decider* decider, Peers* peers,
               const std::vector<std::unique_ptr<Shard>>& shards, base::Metrics& metrics, Post post)
    : clock_(clock),
      log_(log),
      decider_(decider),
      peers_(peers),
      shards_(shards),
      counters_(metrics),
      post_(std::move(post)) {}

void Keeper::replayed(const NoteNumbers& numbers) { numbers_ = numbers; }

void Keeper::on_shard(size_t shard, const std::function<void(OpenTraces&)>& act) {
  std::promise<void> done;
  auto finished = done.get_future();
  post_(shard, Act{&act, &done});
  finished.wait();
}

base::Result<> Keeper::keep(const model::TraceId& id, model::DecisionCause cause) {
  if (decider_ == nullptr) return base::fail(base::Errc::NotFound, "every trace is kept: there are no policies");
  const model::KeptTrace by{.id = id, .cause = cause};
  // Peers may have parts of it where nothing is here.
  if (peers_ != nullptr) {
    if (auto announced = peers_->announce(decider_->plan().fingerprint(), {by}); !announced) return announced;
  }
  const size_t shard = assemble::shard_of(id, shards_.size());
  std::vector<KeepOrder> orders{{.by = by, .fragments = {}}};
  on_shard(shard, [&](OpenTraces& open) { orders[0].fragments = open.find_whole(id); });
  const auto gone = [&] {
    return base::fail(base::Errc::NotFound,
                      "nothing is left of trace " + id.to_hex() +
                          (peers_ == nullptr ? "" : " on this node; its peers keep what they have"));
  };
  // What comes here later is kept too, where others may have the rest.
  const bool is_here = !orders[0].fragments.empty();
  if (!is_here && peers_ == nullptr) return gone();
  size_t lost = 0;
  if (auto ordered = order_keeps(shard, orders, lost); !ordered) return ordered;
  return is_here && lost == 0 ? base::Result<>() : gone();
}

// Records them, so that what is answered holds after a kill, and tells the shard. `lost`: of how many nothing was left
// in the meantime.
base::Result<> Keeper::order_keeps(size_t shard, std::vector<KeepOrder>& orders, size_t& lost) {
  if (auto recorded = decider_->record_keeps(orders); !recorded) return recorded;
  on_shard(shard, [&](OpenTraces& open) {
    for (KeepOrder& order : orders) {
      if (open.keep(order.by.id, order.by.cause, clock_.monotonic()) || order.fragments.empty()) continue;
      decider_->sealed(order.fragments);
      ++lost;
    }
  });
  return {};
}

base::Result<> Keeper::take(const model::PeerNotes& notes) {
  if (decider_ == nullptr) return {};
  if (auto taken = take_moved(notes); !taken) return taken;
  return take_keeps(notes);
}

base::Result<> Keeper::take_keeps(const model::PeerNotes& notes) {
  const bool has_our_policies = notes.plan == decider_->plan().fingerprint();
  std::vector<std::vector<KeepOrder>> orders(shards_.size());
  for (model::KeptTrace keep : notes.keeps) {
    const auto known = decider_->is_kept(keep.id);
    if (!known) return std::unexpected(known.error());
    (*known ? counters_.keeps_known : counters_.keeps).add();
    if (*known) continue;
    keep.cause = model::DecisionCause::Peer;
    if (!has_our_policies) keep = {.id = keep.id, .cause = keep.cause};
    orders[assemble::shard_of(keep.id, shards_.size())].push_back({.by = keep, .fragments = {}});
  }
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    if (orders[shard].empty()) continue;
    on_shard(shard, [&](OpenTraces& open) {
      for (KeepOrder& order : orders[shard]) order.fragments = open.find_whole(order.by.id);
    });
    size_t lost = 0;  // what comes of them later is kept
    if (auto ordered = order_keeps(shard, orders[shard], lost); !ordered) return ordered;
  }
  return {};
}

base::Result<> Keeper::take_moved(const model::PeerNotes& notes) {
  if (notes.moved.empty()) return {};
  if (notes.plan != decider_->plan().fingerprint()) {
    counters_.features_alien.add(notes.moved.size());
    return {};
  }
  const std::scoped_lock lock(taking_);
  if (numbers_.contains(notes.from, notes.number)) {
    counters_.features_repeated.add(notes.moved.size());
    return {};
  }
  PeerRecords records = peer_records(notes, shards_.size(), [](const model::TraceId&) { return true; });
  const uint32_t parts = records.parts;
  const uint64_t broken = records.broken;
  if (parts != 0) {
    if (auto appended = append(notes, std::move(records)); !appended) return appended;
  }
  numbers_.add(notes.from, notes.number);
  counters_.features.add(parts);
  counters_.features_broken.add(broken);
  return {};
}

// As spans are taken: room first, then the log, then the shards.
base::Result<> Keeper::append(const model::PeerNotes& notes, PeerRecords records) {
  std::vector<size_t> costs;
  for (const assemble::ShardRecord& record : records.shards) costs.push_back(queue_cost(record));
  const auto release = [&](size_t end) {
    for (size_t i = 0; i < end; ++i) shards_[i]->queue.release(costs[i]);
  };
  for (size_t i = 0; i < costs.size(); ++i) {
    if (costs[i] > shards_[i]->queue.capacity()) {
      release(i);
      return base::fail(base::Errc::TooLarge, "the message has more traces than a shard's queue can ever take");
    }
    if (shards_[i]->queue.try_reserve(costs[i])) continue;
    release(i);
    return base::fail(base::Errc::Overloaded, "a shard's queue is full");
  }
  const auto push = [&](const log::Appended& at) {
    for (size_t i = 0; i < costs.size(); ++i) {
      if (costs[i] == 0) continue;
      records.shards[i].at = at;
      shards_[i]->is_empty = false;
      shards_[i]->queue.push(std::move(records.shards[i]), costs[i]);
    }
  };
  model::PeerNotes kept{
      .from = notes.from, .number = notes.number, .plan = notes.plan, .keeps = {}, .moved = notes.moved};
  const log::RecordInfo info{.kind = log::RecordKind::PeerNotes, .received = clock_.now()};
  const auto appended = log_.append(info, {}, model::encode_peer_notes(kept), {.references = records.parts}, push);
  if (appended) return {};
  release(costs.size());
  return std::unexpected(appended.error());
}

base::Result<> Keeper::members_changed() {
  if (decider_ == nullptr || peers_ == nullptr) return {};
  const auto is_others = [this](const model::TraceId& id) { return peers_->is_others(id); };
  base::Result<> result;
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    assemble::OthersTraces others;
    do {
      on_shard(shard, [&](OpenTraces& open) {
        others = open.tell_others(is_others, clock_.monotonic(), others.next, kLookedAtOnce);
      });
      std::vector<model::MovedTrace> moved;
      for (const auto& [id, features] : others.traces) moved.push_back(moved_trace(id, features));
      if (moved.empty()) continue;
      const size_t count = moved.size();
      auto told = peers_->tell_owners(decider_->plan().fingerprint(), std::move(moved));
      if (told) continue;
      counters_.features_lost.add(count);
      result = told;
    } while (others.next != 0);
  }
  return result;
}

}  // namespace backstitch::ingest
