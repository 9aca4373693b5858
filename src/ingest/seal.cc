#include "ingest/seal.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>

#include "assemble/fragment_reader.h"

namespace backstitch::ingest {
namespace {

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

// What cut it short; that somebody asked for it did not.
model::DecisionCause end_of(model::DecisionCause cause) {
  switch (cause) {
    case model::DecisionCause::EarlyAtCap:
    case model::DecisionCause::EarlyAtSize:
    case model::DecisionCause::Drain:
      return cause;
    default:
      return model::DecisionCause::Window;
  }
}

}  // namespace

void release(log::Log& log, const std::vector<assemble::Fragment>& fragments) {
  std::map<uint64_t, uint32_t> references;  // by segment
  for (const assemble::Fragment& fragment : fragments) {
    for (const assemble::SpanReference& reference : fragment.references) ++references[reference.position.segment];
  }
  for (const auto& [segment, count] : references) log.release({.segment = segment, .offset = 0}, count);
}

void SealBatch::add(SealBatch later, base::Timestamp now) {
  if (fragments.empty()) {
    *this = std::move(later);
    return;
  }
  std::ranges::move(later.fragments, std::back_inserter(fragments));
  std::ranges::move(later.traces, std::back_inserter(traces));
  if (calls != nullptr) calls->merge(*later.calls, now);
  span_count += later.span_count;
  span_bytes += later.span_bytes;
  lost_references += later.lost_references;
}

base::Result<DecidedBatch> read_decided(log::Log& log, std::vector<assemble::Fragment> kept,
                                        std::span<const assemble::Fragment> dropped, const SpanLedger* spans) {
  DecidedBatch decided;
  SealBatch& batch = decided.kept;
  if (spans != nullptr) {
    batch.calls = spans->prepare(kept.size());
    decided.calls_of_dropped = spans->prepare(dropped.size());
  }
  const auto on_part = [&](size_t place, const model::RequestDigest& digest, const model::TraceDigest& trace,
                           std::string_view payload) {
    const bool is_kept = place < kept.size();
    if (!is_kept) place -= kept.size();
    if (is_kept) batch.span_count += trace.span_count;
    if (spans == nullptr || (is_kept ? kept[place] : dropped[place]).was_dropped) return;  // it counted at the drop
    (is_kept ? batch.calls : decided.calls_of_dropped)->add(place, digest, trace, payload, is_kept);
  };
  const auto others = spans != nullptr ? dropped : std::span<const assemble::Fragment>();
  auto read = assemble::read_fragments(log, kept, on_part, others);
  if (!read) return std::unexpected(read.error());
  batch.lost_references = read->lost_references;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (read->otlp[i].empty()) continue;
    batch.span_bytes += read->otlp[i].size();
    batch.traces.push_back({.id = kept[i].id,
                            .covered_sequence = kept[i].covered_sequence,
                            .sealed_at = {},
                            .otlp = std::move(read->otlp[i]),
                            .ended_by = end_of(kept[i].cause)});
  }
  batch.fragments = std::move(kept);
  if (spans != nullptr) {
    batch.calls->finish();
    decided.calls_of_dropped->finish();
  }
  return decided;
}

base::Result<Sealed> seal(log::Log& log, store::TraceStore& store, SealBatch& batch, base::Timestamp now,
                          ErrorLedger* errors, SpanLedger* spans) {
  for (store::SealedTrace& trace : batch.traces) trace.sealed_at = now;
  if (errors != nullptr) {
    if (const auto begun = errors->begin(batch.traces); !begun) return std::unexpected(begun.error());
  }
  if (spans != nullptr && !batch.traces.empty()) {
    const store::SealedTrace& last = batch.traces.back();
    const SpanLedger::Witness witness{.id = last.id, .covered_sequence = last.covered_sequence};
    if (const auto begun = spans->begin(*batch.calls, witness); !begun) return std::unexpected(begun.error());
  }
  std::vector<bool> is_stored(batch.traces.size(), true);
  if (const auto appended = append(store, batch.traces, is_stored); !appended) return std::unexpected(appended.error());
  if (errors != nullptr) errors->commit(is_stored);
  if (spans != nullptr && !batch.traces.empty()) spans->commit(*batch.calls);
  release(log, batch.fragments);
  return Sealed{.traces = batch.traces.size(),
                .spans = batch.span_count,
                .lost_references = batch.lost_references,
                .unsealable = static_cast<uint64_t>(std::ranges::count(is_stored, false))};
}

}  // namespace backstitch::ingest
