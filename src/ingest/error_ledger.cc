#include "ingest/error_ledger.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <utility>

#include "analyze/error_tree.h"
#include "ledger/bytes.h"
#include "wire/error_tree_event/span_events.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/failure_marks.h"

namespace backstitch::ingest {
namespace {

using base::Result;
using ledger::ByteReader;

// What a record begins with: docs/formats/ledger.md.
constexpr char kCheckpoint = 'C';
constexpr char kBatch = 'B';
constexpr char kSettled = 'S';

base::Duration minutes(int count) { return std::chrono::minutes(count); }

}  // namespace

ErrorLedger::Counters::Counters(base::Metrics& metrics)
    : requests(
          metrics.counter("backstitch_failed_requests", "Failed requests of sealed traces, counted at their origin")),
      unsampled(
          metrics.counter("backstitch_unsampled_failures",
                          "Failed requests of which only an entry span was exported, since they were not sampled")),
      refused_trees(metrics.counter("backstitch_error_tree_events_refused",
                                    "Span events backstitch.error_tree whose tree cannot be read")),
      dropped(
          metrics.counter("backstitch_error_origins_dropped",
                          "Failed requests that the ledger of errors does not count, or no more, since it is full")) {}

ErrorLedger::ErrorLedger(store::LedgerJournal& journal, const base::Clock& clock, base::Metrics& metrics,
                         const ErrorLedgerOptions& options)
    : journal_(journal), clock_(clock), options_(options), counters_(metrics), origins_(options.bounds) {}

Result<std::unique_ptr<ErrorLedger>> ErrorLedger::open(store::LedgerJournal& journal, store::TraceStore& store,
                                                       const base::Clock& clock, base::Metrics& metrics,
                                                       const ErrorLedgerOptions& options) {
  std::unique_ptr<ErrorLedger> ledger(new ErrorLedger(journal, clock, metrics, options));
  if (auto loaded = ledger->load(store); !loaded) return std::unexpected(loaded.error());
  return ledger;
}

// A batch counts if the next record says so, or if it is the last and the store has it.
Result<> ErrorLedger::load(store::TraceStore& store) {
  std::optional<std::vector<Delta>> last;
  for (const std::string& record : journal_.take_records()) {
    const std::string_view content = std::string_view(record).substr(1);
    ByteReader reader(content);
    if (record[0] == kCheckpoint) {
      if (auto decoded = origins_.decode(content); !decoded) return decoded;
      last.reset();
    } else if (record[0] == kBatch) {
      last.emplace();
      for (uint64_t left = reader.number(); left > 0 && reader.is_good(); --left) {
        Delta delta;
        if (const std::string_view id = reader.raw(16); !id.empty()) delta.id = model::TraceId::from_bytes(id.data());
        delta.covered_sequence = reader.number();
        delta.count = ledger::read_count(reader);
        if (reader.is_good()) last->push_back(std::move(delta));
      }
    } else if (record[0] == kSettled) {
      if (!last) last.emplace();
      std::vector<bool> counts(last->size(), true);
      for (uint64_t left = reader.number(); left > 0 && reader.is_good(); --left) {
        if (const uint64_t index = reader.number(); index < counts.size()) counts[index] = false;
      }
      for (size_t i = 0; i < last->size(); ++i) {
        if (counts[i]) count((*last)[i].count);
      }
      last.reset();
    } else {
      return base::fail(base::Errc::Corrupt, fmt::format("a record of the ledger has the unknown kind {}", record[0]));
    }
    if (!reader.is_good()) return base::fail(base::Errc::Corrupt, "a record of the ledger of errors is broken");
  }
  if (last) {
    if (auto settled = settle_doubt(store, *last); !settled) return settled;
  }
  origins_.remove_before(oldest_minute());
  return {};
}

// Once for all: what a trace is covered up to is forgotten with its retention.
Result<> ErrorLedger::settle_doubt(store::TraceStore& store, const std::vector<Delta>& last) {
  std::vector<size_t> excluded;
  for (size_t i = 0; i < last.size(); ++i) {
    const auto covered = store.covered_sequence(last[i].id);
    if (!covered) return std::unexpected(covered.error());
    if (*covered >= last[i].covered_sequence) {
      count(last[i].count);
    } else {
      excluded.push_back(i);
    }
  }
  unsettled_ = kSettled;
  ledger::put_number(excluded.size(), unsettled_);
  for (const size_t index : excluded) ledger::put_number(index, unsettled_);
  if (journal_.append(unsettled_)) unsettled_.clear();
  return {};
}

void ErrorLedger::count(const model::ErrorOriginCount& one) { counters_.dropped.add(origins_.add(one)); }

uint64_t ErrorLedger::oldest_minute() const { return ledger::minute_of(base::offset(clock_.now(), -options_.age_max)); }

uint64_t ErrorLedger::minute_of(const model::Span& entry) const {
  const base::Timestamp now = clock_.now();
  const base::Timestamp end = std::max(entry.start, entry.end);
  return ledger::minute_of(end.is_set() && end <= base::offset(now, minutes(1)) ? end : now);
}

ErrorLedger::Pending ErrorLedger::collect(std::span<const store::SealedTrace> batch) {
  Pending pending;
  for (size_t place = 0; place < batch.size(); ++place) collect(batch[place], place, pending);
  return pending;
}

void ErrorLedger::collect(const store::SealedTrace& trace, size_t place, Pending& pending) {
  const auto is_marked = wire::otlp::has_failure_marks(trace.otlp, wire::error_tree::kEventName);
  if (!is_marked || !*is_marked) return;
  auto decoded = wire::otlp::decode_trace(trace.id, trace.otlp);
  if (!decoded) return;
  model::drop_repeats(*decoded);
  const auto reported = wire::error_tree::reported_trees(*decoded);
  pending.refused_trees += reported.refused;
  std::map<std::pair<uint64_t, model::ErrorOrigin>, uint64_t> counts;
  for (const analyze::FailedRequest& request : analyze::failed_requests(*decoded, reported.trees)) {
    if (request.is_unsampled) pending.unsampled.push_back(place);
    const model::ErrorNode origin = request.tree.node(request.path.back());
    model::ErrorOrigin key{.service = std::string(origin.service),
                           .operation = std::string(origin.operation),
                           .code = std::string(origin.code.name()),
                           .drift_chain = request.drift_chain(),
                           .root_service = std::string(request.tree.node(0).service)};
    const uint64_t minute = minute_of(decoded->spans[request.entry]);
    if (minute < oldest_minute()) continue;
    const auto found = counts.find({minute, key});
    if (found != counts.end()) {
      ++found->second;
    } else if (counts.size() < options_.origins_per_fragment_max) {
      counts.emplace(std::pair(minute, std::move(key)), 1);
    } else {
      ++pending.dropped;
    }
  }
  for (auto& [key, sum] : counts) {
    pending.deltas.push_back({.place = place,
                              .id = trace.id,
                              .covered_sequence = trace.covered_sequence,
                              .count = {.origin = key.second, .minute = key.first, .count = sum, .example = trace.id}});
  }
}

Result<> ErrorLedger::begin(std::span<const store::SealedTrace> batch) {
  pending_ = {};
  if (!unsettled_.empty()) {
    if (auto written = journal_.append(unsettled_); !written) return written;
    unsettled_.clear();
  }
  {
    const std::lock_guard lock(mutex_);
    origins_.remove_before(oldest_minute());
  }
  Pending pending = collect(batch);
  if (pending.deltas.empty()) {
    pending_ = std::move(pending);
    return {};
  }
  if (journal_.bytes() > std::max(options_.journal_bytes_max, checkpoint_from_bytes_)) {
    if (auto written = write_checkpoint(); !written) return written;
  }
  std::string record(1, kBatch);
  ledger::put_number(pending.deltas.size(), record);
  for (const Delta& delta : pending.deltas) {
    record.append(reinterpret_cast<const char*>(delta.id.bytes.data()), delta.id.bytes.size());
    ledger::put_number(delta.covered_sequence, record);
    ledger::write_count(delta.count, record);
  }
  if (auto written = journal_.append(record); !written) return written;
  if (auto synced = journal_.sync(); !synced) return synced;
  pending_ = std::move(pending);
  return {};
}

// A checkpoint may be as long as what it replaces: then the journal grows on.
Result<> ErrorLedger::write_checkpoint() {
  std::string record(1, kCheckpoint);
  {
    const std::lock_guard lock(mutex_);
    origins_.encode(record);
  }
  checkpoint_from_bytes_ = 2 * record.size();
  if (journal_.bytes() < checkpoint_from_bytes_) return {};
  return journal_.replace(record);
}

void ErrorLedger::commit(const std::vector<bool>& is_stored) {
  const Pending pending = std::exchange(pending_, {});
  counters_.refused_trees.add(pending.refused_trees);
  counters_.dropped.add(pending.dropped);
  if (pending.deltas.empty()) return;
  std::vector<size_t> excluded;
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < pending.deltas.size(); ++i) {
      const Delta& delta = pending.deltas[i];
      if (!is_stored[delta.place]) {
        excluded.push_back(i);
        continue;
      }
      count(delta.count);
      counters_.requests.add(delta.count.count);
    }
  }
  for (const size_t place : pending.unsampled) counters_.unsampled.add(is_stored[place] ? 1 : 0);
  unsettled_ = kSettled;
  ledger::put_number(excluded.size(), unsettled_);
  for (const size_t index : excluded) ledger::put_number(index, unsettled_);
  // Lost with the power, it is made up for by asking the store. On a full disk it is written before the next batch.
  if (journal_.append(unsettled_)) unsettled_.clear();
}

Result<std::vector<model::ErrorOriginRow>> ErrorLedger::error_origins(const model::ErrorOriginQuery& query) {
  model::ErrorOriginQuery bounded = query;
  bounded.start = std::max(query.start, base::offset(clock_.now(), -options_.age_max));
  const std::lock_guard lock(mutex_);
  return origins_.rows(bounded);
}

}  // namespace backstitch::ingest
