#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <optional>
#include <utility>

#include "assemble/open_reader.h"
#include "ingest/peer_records.h"
#include "ingest/seal.h"
#include "ingest/span_features.h"
#include "model/decision_batch.h"
#include "wire/otlp/walk.h"

namespace backstitch::ingest {
namespace {

// One replay of the log, record by record.
class Replay {
 public:
  Replay(store::TraceStore& store, const base::Clock& clock, std::vector<assemble::OpenTraces*> shards,
         const ReplayOptions& options)
      : store_(store),
        now_(clock.now()),
        monotonic_(clock.monotonic()),
        shards_(std::move(shards)),
        decider_(options.decider),
        spans_(options.spans) {}

  // How many references the record keeps.
  uint32_t see(const log::Record& record) {
    if (record.info.kind == log::RecordKind::Spans) return see_spans(record);
    if (record.info.kind == log::RecordKind::Decision && decider_ != nullptr) return see_decisions(record);
    if (record.info.kind == log::RecordKind::PeerNotes && decider_ != nullptr) return see_notes(record);
    return 0;
  }

  // After the last record: decisions, and late spans that followed them, that the log has no more.
  void recall_decisions() {
    for (auto& [id, seen] : seen_) {
      if (seen.spans.count == 0 || seen.told >= seen.covered_spans + seen.spans.count) continue;
      const auto decision = decider_->decided_before(id, seen.is_decided ? SpansInLog{} : seen.spans);
      if (!decision || uint64_t{decision->span_count} + decision->late_span_count <= seen.told + seen.gone) continue;
      seen.decide(*decision);
      follow(id, seen);
    }
  }

  const std::optional<base::Error>& failure() const { return failure_; }
  const std::vector<log::Position>& unlearned() const { return unlearned_; }
  Replayed replayed;

  assemble::OpenTraces& shard_of(const model::TraceId& id) { return *shards_[assemble::shard_of(id, shards_.size())]; }

 private:
  uint32_t see_spans(const log::Record& record) {
    const auto digest = model::RequestDigest::decode_traces(record.digest);
    if (!digest) return 0;  // its checksum held, so another writer made it; the log's counters tell of it
    const auto features = features_of(*digest, record.at.position);
    std::vector<assemble::ShardRecord> parts(shards_.size());
    uint32_t references = 0;
    for (uint32_t i = 0; i < digest->traces.size(); ++i) {
      const model::TraceDigest& trace = digest->traces[i];
      if (record.at.sequence <= covered_through(trace.id, record.at.sequence)) {
        ++replayed.covered_parts;
        if (decider_ != nullptr) seen_[trace.id].covered_spans += trace.span_count;
        continue;
      }
      assemble::ShardRecord& shard = parts[assemble::shard_of(trace.id, shards_.size())];
      shard.parts.push_back({trace, i});
      if (decider_ != nullptr) {
        shard.features.push_back(features[i]);
        note(trace, record.info.received);
      }
      ++references;
    }
    replayed.open_parts += references;
    const base::Duration age = base::elapsed(record.info.received, now_);
    for (size_t shard = 0; shard < shards_.size(); ++shard) {
      parts[shard].at = record.at;
      if (!parts[shard].parts.empty()) shards_[shard]->add(parts[shard], monotonic_, age);
    }
    return references + (spans_ != nullptr && spans_->notes(record.at) ? 1 : 0);
  }

  // Without policies nobody looks at them.
  std::vector<sample::TraceFeatures> features_of(const model::RequestDigest& digest, const log::Position& position) {
    if (decider_ == nullptr) return {};
    if (auto features = decode_features(decider_->plan(), digest)) return std::move(*features);
    unlearned_.push_back(position);
    return std::vector<sample::TraceFeatures>(digest.traces.size());
  }

  uint32_t see_decisions(const log::Record& record) {
    const auto batch = model::decode_decisions(record.payload);
    if (!batch) return 0;
    std::vector<model::TraceId> kept;
    for (const model::Decision& decision : batch->decisions) {
      ++replayed.decisions;
      Seen& seen = seen_[decision.id];
      seen.decide(decision);
      seen.leave_out_gone();
      follow(decision.id, seen);
      if (seen.verdict == model::Verdict::Kept && seen.spans.count != 0) kept.push_back(decision.id);
    }
    for (const model::LateSpans& late : batch->late_spans) {
      Seen& seen = seen_[late.id];
      if (!seen.is_decided) recall_late(late, seen);
      seen.told += late.count;
      seen.leave_out_gone();
      follow(late.id, seen);
      if (seen.verdict == model::Verdict::Kept && seen.spans.count != 0) kept.push_back(late.id);
    }
    return decider_->replayed(record.at, *batch, kept);
  }

  struct Seen {
    SpansInLog spans;            // that the store does not have
    uint64_t covered_spans = 0;  // that it has, and the log too
    bool is_decided = false;     // the log says so
    model::Verdict verdict = model::Verdict::Dropped;
    base::Timestamp decided;
    uint64_t told = 0;  // spans that records of decisions count
    uint64_t gone = 0;  // of these, that the log has no more, nor had when it told so

    void decide(const model::Decision& decision) {
      const bool stays_kept = is_decided && verdict == model::Verdict::Kept;
      is_decided = true;
      if (!stays_kept) verdict = decision.verdict;
      decided = decision.decided;
      // A full fragment has a decision of its own; others count all that there was.
      const bool is_of_fragment = decision.cause == model::DecisionCause::EarlyAtSize;
      if (!is_of_fragment) gone = 0;
      told = (is_of_fragment ? told : 0) + decision.span_count + decision.late_span_count;
    }
    // A record counts spans in front of it: what it counts beyond those that are here left the log before.
    void leave_out_gone() {
      const uint64_t here = covered_spans + spans.count;
      if (told <= here) return;
      gone += told - here;
      told = here;
    }
  };

  // What the store has was decided first.
  void follow(const model::TraceId& id, const Seen& seen) {
    if (!seen.is_decided || seen.spans.count == 0) return;
    const auto here =
        static_cast<uint32_t>(std::min<uint64_t>(seen.told - std::min(seen.told, seen.covered_spans), UINT32_MAX));
    shard_of(id).decided({.id = id, .verdict = seen.verdict, .decided = seen.decided, .span_count = here}, monotonic_,
                         base::elapsed(seen.decided, now_));
  }

  // Spans followed a decision that the log has no more: so did all that came before them, but for these.
  void recall_late(const model::LateSpans& late, Seen& seen) {
    const auto decision = decider_->decided_before(late.id, {});
    if (!decision) return;
    seen.decide(*decision);
    seen.told = seen.covered_spans + seen.spans.count;
    seen.told -= std::min<uint64_t>(seen.told, late.count);
  }

  // Features that a peer made by other policies say nothing to ours.
  uint32_t see_notes(const log::Record& record) {
    const auto notes = model::decode_peer_notes(record.payload);
    if (!notes) return 0;
    replayed.note_numbers.add(notes->from, notes->number);
    if (notes->plan != decider_->plan().fingerprint()) return 0;
    PeerRecords records = peer_records(*notes, shards_.size(), [&](const model::TraceId& id) {
      return record.at.sequence > covered_through(id, record.at.sequence);
    });
    const base::Duration age = base::elapsed(record.info.received, now_);
    for (size_t i = 0; i < shards_.size(); ++i) {
      assemble::ShardRecord& shard = records.shards[i];
      shard.at = record.at;
      for (const assemble::TracePart& part : shard.parts) note(part.digest, record.info.received);
      if (!shard.parts.empty()) shards_[i]->add(shard, monotonic_, age);
    }
    return records.parts;
  }

  void note(const model::TraceDigest& trace, base::Timestamp received) {
    SpansInLog& spans = seen_[trace.id].spans;
    if (spans.count == 0) spans.first_received = received;
    spans.count += trace.span_count;
    spans.last_received = received;
  }

  // A trace's records come in the order of their sequences: what is covered before the first one tells nothing.
  uint64_t covered_through(const model::TraceId& id, uint64_t first_sequence) {
    const auto known = covered_.find(id);
    if (known != covered_.end()) return known->second;
    const auto sequence = store_.covered_sequence(id, first_sequence);
    if (!sequence) failure_ = sequence.error();
    return covered_[id] = sequence.value_or(0);
  }

  store::TraceStore& store_;
  const base::Timestamp now_;
  const base::Duration monotonic_;
  const std::vector<assemble::OpenTraces*> shards_;
  Decider* const decider_;
  SpanLedger* const spans_;
  absl::flat_hash_map<model::TraceId, uint64_t> covered_;  // a trace comes in several records, the store is asked once
  std::optional<base::Error> failure_;
  absl::flat_hash_map<model::TraceId, Seen> seen_;
  std::vector<log::Position> unlearned_;  // records whose features are not of this plan
};

// The features of records that other policies saw, or none.
base::Result<> learn(log::Log& log, Replay& replay, const model::Limits& limits, const Decider& decider) {
  wire::otlp::Walker walker(feature_plan_of(decider.plan(), {}), limits);  // what is redacted is masked already
  SpanFeatures features(decider.shared_plan());
  model::RequestDigest digest;
  for (const log::Position& position : replay.unlearned()) {
    auto record = log.read(position);
    if (!record && record.error().code == base::Errc::Io) return std::unexpected(record.error());
    if (!record) continue;  // gone, or damaged, which the log counts
    features.begin_request();
    const auto walked = walker.walk(record->payload, digest, [&](const model::SpanView& span) { features.add(span); });
    if (!walked) continue;
    features.count_bytes(digest);
    for (uint32_t i = 0; i < digest.traces.size(); ++i) {
      replay.shard_of(digest.traces[i].id).learn(digest.traces[i].id, features.of_trace(i));
    }
  }
  return {};
}

}  // namespace

base::Result<Replayed> replay(log::Log& log, store::TraceStore& store, const base::Clock& clock,
                              std::vector<assemble::OpenTraces*> shards, const ReplayOptions& options) {
  Replay replay(store, clock, std::move(shards), options);
  const auto result = log.replay([&](const log::Record& record) { return replay.see(record); });
  if (!result) return std::unexpected(result.error());
  if (replay.failure()) return std::unexpected(*replay.failure());
  if (options.decider != nullptr) replay.recall_decisions();
  if (options.decider != nullptr) {
    const auto learned = learn(log, replay, options.limits, *options.decider);
    if (!learned) return std::unexpected(learned.error());
  }
  if (options.spans != nullptr) {
    if (const auto counted = options.spans->recount(log); !counted) return std::unexpected(counted.error());
  }
  replay.replayed.log = *result;
  return replay.replayed;
}

}  // namespace backstitch::ingest
