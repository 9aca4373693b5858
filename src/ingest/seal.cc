#include "ingest/seal.h"

#include <algorithm>
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

}  // namespace

void release(log::Log& log, const std::vector<assemble::Fragment>& fragments) {
  std::map<uint64_t, uint32_t> references;  // by segment
  for (const assemble::Fragment& fragment : fragments) {
    for (const assemble::SpanReference& reference : fragment.references) ++references[reference.position.segment];
  }
  for (const auto& [segment, count] : references) log.release({.segment = segment, .offset = 0}, count);
}

base::Result<Sealed> seal(log::Log& log, store::TraceStore& store, const std::vector<assemble::Fragment>& fragments,
                          model::Timestamp now, ErrorLedger* errors, SpanLedger* spans) {
  std::optional<DecidedTraces> decided;
  assemble::OnPart on_part;
  if (spans != nullptr) {
    spans->prepare(fragments.size(), decided);
    on_part = [&](size_t place, const model::RequestDigest& digest, const model::TraceDigest& trace,
                  std::string_view payload) {
      if (!fragments[place].was_dropped) decided->add(place, digest, trace, payload);  // else they counted at the drop
    };
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

}  // namespace backstitch::ingest
