#include "assemble/fragment_reader.h"

#include <algorithm>
#include <utility>

#include "wire/otlp/splice.h"

namespace backstitch::assemble {
namespace {

struct Want {
  SpanReference reference;
  size_t fragment;
};

std::vector<Want> in_log_order(std::span<const Fragment> fragments) {
  std::vector<Want> wants;
  for (size_t i = 0; i < fragments.size(); ++i) {
    for (const SpanReference& reference : fragments[i].references) wants.push_back({reference, i});
  }
  std::stable_sort(wants.begin(), wants.end(),
                   [](const Want& a, const Want& b) { return a.reference.position < b.reference.position; });
  return wants;
}

bool is_gone(const base::Error& error) {
  return error.code == base::Errc::NotFound || error.code == base::Errc::Corrupt;
}

}  // namespace

base::Result<uint64_t> visit_parts(log::Log& log, std::span<const Fragment> fragments, const OnPart& on_part) {
  uint64_t lost_references = 0;
  const std::vector<Want> wants = in_log_order(fragments);
  for (size_t i = 0; i < wants.size();) {
    const log::Position position = wants[i].reference.position;
    size_t end = i;
    while (end < wants.size() && wants[end].reference.position == position) ++end;

    const auto record = log.read(position);
    if (!record && !is_gone(record.error())) return std::unexpected(record.error());
    const auto digest = record ? model::RequestDigest::decode(record->digest, record->payload.size())
                               : base::Result<model::RequestDigest>(std::unexpected(record.error()));
    for (; i < end; ++i) {
      const uint32_t index = wants[i].reference.trace_index;
      if (!digest || index >= digest->traces.size()) {
        ++lost_references;
        continue;
      }
      on_part(wants[i].fragment, *digest, digest->traces[index], record->payload);
    }
  }
  return lost_references;
}

base::Result<ReadFragments> read_fragments(log::Log& log, std::span<const Fragment> fragments, const OnPart& on_part) {
  ReadFragments read;
  std::vector<wire::otlp::TraceSplicer> splicers(fragments.size());
  const char* last_payload = nullptr;
  const auto lost = visit_parts(log, fragments, [&](size_t fragment, const model::RequestDigest& digest,
                                                    const model::TraceDigest& trace, std::string_view payload) {
    if (std::exchange(last_payload, payload.data()) != payload.data()) read.bytes_read += payload.size();
    splicers[fragment].add(digest, payload, trace.first_span, trace.span_count);
    if (on_part) on_part(fragment, digest, trace, payload);
  });
  if (!lost) return std::unexpected(lost.error());
  read.lost_references = *lost;
  for (wire::otlp::TraceSplicer& splicer : splicers) read.otlp.push_back(splicer.finish());
  return read;
}

}  // namespace backstitch::assemble
