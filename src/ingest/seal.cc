#include "ingest/seal.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "assemble/fragment_reader.h"
#include "assemble/open_reader.h"

namespace backstitch::ingest {
namespace {

void release(log::Log& log, const std::vector<assemble::Fragment>& fragments) {
  std::map<uint64_t, uint32_t> references;  // by segment
  for (const assemble::Fragment& fragment : fragments) {
    for (const assemble::SpanReference& reference : fragment.references) ++references[reference.position.segment];
  }
  for (const auto& [segment, count] : references) log.release({.segment = segment, .offset = 0}, count);
}

// Whether the same bytes would fail again.
bool is_final(const base::Error& error) {
  return error.code == base::Errc::Malformed || error.code == base::Errc::TooLarge ||
         error.code == base::Errc::InvalidArgument || error.code == base::Errc::Unsupported;
}

// `is_stored` is beside the batch: false where the store will never take a trace.
base::Result<> append(store::TraceStore& store, std::span<const store::SealedTrace> batch,
                      std::vector<bool>& is_stored) {
  const auto whole = store.append(batch);
  if (whole || !is_final(whole.error())) return whole;
  // One of them is to blame; the others go one by one.
  for (size_t i = 0; i < batch.size(); ++i) {
    const auto appended = store.append(batch.subspan(i, 1));
    if (!appended && !is_final(appended.error())) return appended;
    if (!appended) is_stored[i] = false;
  }
  return {};
}

}  // namespace

base::Result<Sealed> seal(log::Log& log, store::TraceStore& store, const std::vector<assemble::Fragment>& fragments,
                          model::Timestamp now, ErrorLedger* errors, SpanLedger* spans) {
  std::optional<DecidedTraces> decided;
  assemble::OnPart on_part;
  if (spans != nullptr) {
    spans->prepare(fragments.size(), decided);
    on_part = [&](size_t place, const model::RequestDigest& digest, const model::TraceDigest& trace,
                  std::string_view payload) { decided->add(place, digest, trace, payload); };
  }
  auto read = assemble::read_fragments(log, fragments, on_part);
  if (!read) return std::unexpected(read.error());
  Sealed sealed{.lost_references = read->lost_references};
  std::vector<store::SealedTrace> batch;
  for (size_t i = 0; i < fragments.size(); ++i) {
    if (read->otlp[i].empty()) continue;
    batch.push_back({.id = fragments[i].id,
                     .covered_sequence = fragments[i].covered_sequence,
                     .sealed_at = now,
                     .otlp = std::move(read->otlp[i])});
    ++sealed.traces;
    sealed.spans += fragments[i].span_count;
  }
  if (errors != nullptr) {
    if (const auto begun = errors->begin(batch); !begun) return std::unexpected(begun.error());
  }
  if (spans != nullptr && !batch.empty()) {
    decided->finish();
    const SpanLedger::Witness witness{.id = batch.back().id, .covered_sequence = batch.back().covered_sequence};
    if (const auto begun = spans->begin(*decided, witness); !begun) return std::unexpected(begun.error());
  }
  std::vector<bool> is_stored(batch.size(), true);
  if (const auto appended = append(store, batch, is_stored); !appended) return std::unexpected(appended.error());
  if (errors != nullptr) errors->commit(is_stored);
  if (spans != nullptr && !batch.empty()) spans->commit(*decided);
  sealed.unsealable = static_cast<uint64_t>(std::ranges::count(is_stored, false));
  release(log, fragments);
  return sealed;
}

base::Result<Replayed> replay(log::Log& log, store::TraceStore& store, const base::Clock& clock,
                              std::vector<assemble::OpenTraces*> shards, SpanLedger* spans) {
  Replayed replayed;
  std::optional<base::Error> failure;
  absl::flat_hash_map<model::TraceId, uint64_t> covered;  // a trace comes in several records, the store is asked once
  const base::Timestamp now = clock.now();
  const base::Duration monotonic = clock.monotonic();

  // A trace's records come in the order of their sequences: what is covered before the first one tells nothing.
  const auto covered_through = [&](const model::TraceId& id, uint64_t first_sequence) -> uint64_t {
    const auto known = covered.find(id);
    if (known != covered.end()) return known->second;
    const auto sequence = store.covered_sequence(id, first_sequence);
    if (!sequence) failure = sequence.error();
    return covered[id] = sequence.value_or(0);
  };

  const auto on_record = [&](const log::Record& record) -> uint32_t {
    if (record.info.kind != log::RecordKind::Spans) return 0;
    const auto traces = model::RequestDigest::decode_traces(record.digest);
    if (!traces) return 0;  // its checksum held, so another writer made it; the log's counters tell of it
    std::vector<assemble::ShardRecord> parts(shards.size());
    uint32_t references = 0;
    for (uint32_t i = 0; i < traces->size(); ++i) {
      const model::TraceDigest& trace = (*traces)[i];
      if (record.at.sequence <= covered_through(trace.id, record.at.sequence)) {
        ++replayed.covered_parts;
        continue;
      }
      parts[assemble::shard_of(trace.id, shards.size())].parts.push_back({trace, i});
      ++references;
    }
    replayed.open_parts += references;
    const base::Duration age = base::elapsed(record.info.received, now);
    for (size_t shard = 0; shard < shards.size(); ++shard) {
      parts[shard].at = record.at;
      if (!parts[shard].parts.empty()) shards[shard]->add(parts[shard], monotonic, age);
    }
    return references + (spans != nullptr && spans->notes(record.at) ? 1 : 0);
  };

  const auto result = log.replay(on_record);
  if (!result) return std::unexpected(result.error());
  if (failure) return std::unexpected(*failure);
  if (spans != nullptr) {
    if (const auto counted = spans->recount(log); !counted) return std::unexpected(counted.error());
  }
  replayed.log = *result;
  return replayed;
}

}  // namespace backstitch::ingest
