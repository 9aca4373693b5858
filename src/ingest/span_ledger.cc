#include "ingest/span_ledger.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <utility>

#include "ledger/bytes.h"
#include "ledger/exposition.h"

namespace backstitch::ingest {
namespace {

using base::Result;

// What a record begins with: docs/formats/ledger.md.
constexpr char kCheckpoint = 'C';
constexpr char kBatch = 'B';
constexpr char kSettled = 'S';

}  // namespace

SpanLedger::Counters::Counters(base::Metrics& metrics)
    : spans_without_name(metrics.counter("backstitch_span_metrics_overflow",
                                         "Spans that span metrics count without their name for want of room")),
      calls_without_names(metrics.counter("backstitch_service_graph_overflow",
                                          "Calls that the service graph counts without names for want of room")),
      series_forgotten(metrics.counter("backstitch_span_series_forgotten",
                                       "Series of span metrics and edges of the service graph that nobody called "
                                       "for so long that they were forgotten")),
      checkpoint_failures(metrics.counter("backstitch_span_ledger_checkpoint_failures",
                                          "Checkpoints of the ledger of spans that could not be written")),
      records_lost(metrics.counter("backstitch_span_ledger_records_lost",
                                   "Log records that could not be read again to count their spans")) {}

SpanLedger::SpanLedger(store::LedgerJournal& journal, const base::Clock& clock, base::Metrics& metrics,
                       const SpanLedgerOptions& options)
    : journal_(journal),
      clock_(clock),
      options_(options),
      counters_(metrics),
      checkpointed_(clock.monotonic()),
      whole_(options.bounds.span_metrics),
      graph_(options.bounds.service_graph) {}

Result<std::unique_ptr<SpanLedger>> SpanLedger::open(store::LedgerJournal& journal,
                                                     const CoveredSequence& covered_sequence, const base::Clock& clock,
                                                     base::Metrics& metrics, const SpanLedgerOptions& options) {
  std::unique_ptr<SpanLedger> ledger(new SpanLedger(journal, clock, metrics, options));
  if (auto loaded = ledger->load(covered_sequence); !loaded) return std::unexpected(loaded.error());
  metrics.text("traces",
               [shown = ledger.get()](bool with_exemplars, std::string& out) { shown->render(with_exemplars, out); });
  return ledger;
}

// --- At receipt ---

SpanLedger::Entry SpanLedger::enter() {
  const std::lock_guard turn(turnstile_);
  return Entry(gate_);
}

SpanLedger::Table& SpanLedger::borrow() {
  const std::lock_guard lock(tables_mutex_);
  if (free_.empty()) {
    return *tables_.emplace_back(std::make_unique<Table>(options_.bounds.span_metrics));
  }
  Table& table = *free_.back();
  free_.pop_back();
  return table;
}
void SpanLedger::give_back(Table& table) {
  const std::lock_guard lock(tables_mutex_);
  free_.push_back(&table);
}

void SpanLedger::count(const Entry& entry, const log::Appended& at, const model::RequestDigest& digest,
                       std::string_view payload) {
  assert(entry.owns_lock());
  static_cast<void>(entry);
  Table& table = borrow();
  {
    const std::lock_guard lock(table.mutex);
    table.counter.count(digest, payload);
  }
  give_back(table);
  const std::lock_guard lock(references_mutex_);
  last_sequence_ = std::max(last_sequence_, at.sequence);
  ++references_[at.position.segment];
}

void SpanLedger::collect_tables() {
  const std::lock_guard all(tables_mutex_);
  for (const auto& table : tables_) {
    const std::lock_guard lock(table->mutex);
    if (table->counter.metrics().is_empty()) continue;
    whole_.merge(table->counter.metrics(), clock_.now());
    table->counter.clear();
  }
  counters_.spans_without_name.add(whole_.take_overflowed());
}

// --- At a restart ---

Result<> SpanLedger::load(const CoveredSequence& covered_sequence) {
  for (const std::string& record : journal_.take_records()) {
    if (auto loaded = load_record(record); !loaded) return loaded;
  }
  last_sequence_ = included_sequence_;
  return settle(covered_sequence);
}

Result<> SpanLedger::load_record(std::string_view record) {
  ledger::ByteReader reader(record.substr(1));
  const auto read_pending = [&] {
    pending_.emplace();
    if (const std::string_view id = reader.raw(16); !id.empty()) {
      pending_->witness.id = model::TraceId::from_bytes(id.data());
    }
    pending_->witness.covered_sequence = reader.number();
    pending_->graph = reader.text();
  };
  if (record[0] == kCheckpoint) {
    included_sequence_ = reader.number();
    whole_.clear();
    graph_.clear();
    pending_.reset();
    if (auto decoded = whole_.decode(reader); !decoded) return decoded;
    if (auto decoded = graph_.decode(reader); !decoded) return decoded;
    if (reader.number() != 0) read_pending();
  } else if (record[0] == kBatch) {
    read_pending();
    has_graph_changed_ = true;
  } else if (record[0] == kSettled) {
    if (auto added = add_pending(); !added) return added;
  } else {
    return base::fail(base::Errc::Corrupt, fmt::format("a record of the ledger has the unknown kind {}", record[0]));
  }
  if (!reader.is_good()) return base::fail(base::Errc::Corrupt, "a record of the ledger of spans is broken");
  return {};
}

Result<> SpanLedger::add_pending() {
  if (!pending_) return {};
  ledger::ServiceGraph batch(options_.bounds.service_graph);
  ledger::ByteReader reader(pending_->graph);
  if (auto decoded = batch.decode(reader); !decoded) return decoded;
  pending_.reset();
  const std::lock_guard lock(whole_mutex_);
  graph_.merge(batch, clock_.now());
  has_graph_changed_ = true;
  return {};
}

// Once for all: what a trace is covered up to is forgotten with its retention.
Result<> SpanLedger::settle(const CoveredSequence& covered_sequence) {
  if (!pending_) return {};
  const auto covered = covered_sequence(pending_->witness.id);
  if (!covered) return std::unexpected(covered.error());
  if (*covered < pending_->witness.covered_sequence) {
    pending_.reset();  // it will be decided again
    return {};
  }
  if (auto added = add_pending(); !added) return added;
  is_settled_unwritten_ = true;
  (void)write_settled();  // else before the next batch
  return {};
}

bool SpanLedger::notes(const log::Appended& at) {
  if (at.sequence <= included_sequence_) return false;
  to_be_counted_.push_back(at.position);
  const std::lock_guard lock(references_mutex_);
  last_sequence_ = std::max(last_sequence_, at.sequence);
  ++references_[at.position.segment];
  return true;
}

Result<> SpanLedger::recount(log::Log& log) {
  SpanCounter counter(options_.bounds.span_metrics);
  for (const log::Position& position : std::exchange(to_be_counted_, {})) {
    const auto record = log.read(position);
    if (!record && record.error().code != base::Errc::NotFound && record.error().code != base::Errc::Corrupt) {
      return std::unexpected(record.error());
    }
    const auto digest = record ? model::RequestDigest::decode(record->digest, record->payload.size())
                               : Result<model::RequestDigest>(std::unexpected(record.error()));
    if (!digest) {
      counters_.records_lost.add();
      continue;
    }
    counter.count(*digest, record->payload);
  }
  const std::lock_guard lock(whole_mutex_);
  whole_.merge(counter.metrics(), clock_.now());
  return {};
}

// --- At a decision ---

Result<> SpanLedger::begin(const DecidedTraces& batch, const Witness& witness) {
  const std::lock_guard lock(journal_mutex_);
  if (auto written = write_settled(); !written) return written;
  pending_.reset();
  if (batch.graph().is_empty()) return {};
  Pending pending{.witness = witness, .graph = {}};
  batch.graph().encode(pending.graph);
  pending_ = std::move(pending);
  std::string record(1, kBatch);
  put_pending(record);
  auto written = journal_.append(record);
  if (written) written = journal_.sync();
  if (!written) pending_.reset();
  return written;
}

void SpanLedger::put_pending(std::string& out) const {
  const model::TraceId& id = pending_->witness.id;
  out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  ledger::put_number(pending_->witness.covered_sequence, out);
  ledger::put_text(pending_->graph, out);
}

// Lost with the power, it is made up for by asking about the witness. On a full disk it comes before the next batch.
Result<> SpanLedger::write_settled() {
  if (!is_settled_unwritten_) return {};
  if (auto written = journal_.append(std::string(1, kSettled)); !written) return written;
  is_settled_unwritten_ = false;
  return {};
}

void SpanLedger::commit(const DecidedTraces& batch) {
  const std::lock_guard lock(journal_mutex_);
  if (pending_) {
    pending_.reset();
    has_graph_changed_ = true;
    is_settled_unwritten_ = true;
    (void)write_settled();
  }
  const std::lock_guard whole(whole_mutex_);
  graph_.merge(batch.graph(), clock_.now());
  counters_.calls_without_names.add(graph_.take_overflowed());
  collect_tables();  // an operation that is new here has its series by now
  whole_.take_exemplars(batch.exemplars());
}

void SpanLedger::commit_dropped(const DecidedTraces& batch) {
  if (batch.graph().is_empty()) return;
  const std::lock_guard lock(journal_mutex_);
  has_graph_changed_ = true;
  const std::lock_guard whole(whole_mutex_);
  graph_.merge(batch.graph(), clock_.now());
  counters_.calls_without_names.add(graph_.take_overflowed());
}

// --- Now and then ---

void SpanLedger::checkpoint_if_due(log::Log& log) {
  {
    const std::lock_guard lock(journal_mutex_);
    const base::Duration now = clock_.monotonic();
    if (now - checkpointed_ < options_.checkpoint_interval) return;
    checkpointed_ = now;
  }
  (void)checkpoint(log);
}

Result<> SpanLedger::checkpoint(log::Log& log) {
  const std::lock_guard lock(journal_mutex_);
  {
    const std::lock_guard references(references_mutex_);
    if (references_.empty() && !has_graph_changed_) return {};
  }
  uint64_t sequence = 0;
  std::map<uint64_t, uint32_t> references;
  const std::string record = checkpoint_record(sequence, references);
  if (auto replaced = journal_.replace(record); !replaced) {
    counters_.checkpoint_failures.add();
    const std::lock_guard held(references_mutex_);
    for (const auto& [segment, count] : references) references_[segment] += count;
    return replaced;
  }
  has_graph_changed_ = false;
  is_settled_unwritten_ = false;  // what was settled is in it
  included_sequence_ = sequence;
  for (const auto& [segment, count] : references) log.release({.segment = segment, .offset = 0}, count);
  return {};
}

// Nobody is between the log and the tables while the gate is shut: what was counted is what the log has up to the last
// sequence.
std::string SpanLedger::checkpoint_record(uint64_t& sequence, std::map<uint64_t, uint32_t>& references) {
  std::unique_lock turn(turnstile_);
  std::unique_lock shut(gate_);
  const std::lock_guard whole(whole_mutex_);
  collect_tables();
  {
    const std::lock_guard lock(references_mutex_);
    sequence = last_sequence_;
    references = std::exchange(references_, {});
  }
  shut.unlock();
  turn.unlock();

  const base::Timestamp oldest = base::offset(clock_.now(), -options_.idle_max);
  counters_.series_forgotten.add(whole_.remove_idle(oldest) + graph_.remove_idle(oldest));
  std::string record(1, kCheckpoint);
  ledger::put_number(sequence, record);
  whole_.encode(record);
  graph_.encode(record);
  ledger::put_number(pending_ ? 1 : 0, record);
  if (pending_) put_pending(record);
  return record;
}

std::vector<ledger::SpanSeries> SpanLedger::span_rows() {
  const std::lock_guard lock(whole_mutex_);
  collect_tables();
  return whole_.rows();
}

std::vector<ledger::CallEdge> SpanLedger::call_edges() {
  const std::lock_guard lock(whole_mutex_);
  return graph_.edges();
}

void SpanLedger::render(bool with_exemplars, std::string& out) {
  ledger::write_span_metrics(span_rows(), with_exemplars, out);
  ledger::write_service_graph(call_edges(), with_exemplars, out);
}

}  // namespace backstitch::ingest
