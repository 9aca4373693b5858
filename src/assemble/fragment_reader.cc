#include "assemble/fragment_reader.h"

#include <algorithm>

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

base::Result<ReadParts> read_parts(log::Log& log, std::span<const Fragment> fragments, const OnPart& on_part) {
  ReadParts read;
  const std::vector<Want> wants = in_log_order(fragments);
  for (size_t i = 0; i < wants.size();) {
    const log::Position position = wants[i].reference.position;
    size_t end = i;
    while (end < wants.size() && wants[end].reference.position == position) ++end;

    const auto record = log.read(position);
    if (!record && !is_gone(record.error())) return std::unexpected(record.error());
    const auto digest = record ? model::RequestDigest::decode(record->digest, record->payload.size())
                               : base::Result<model::RequestDigest>(std::unexpected(record.error()));
    if (record) read.bytes_read += record->payload.size();
    for (; i < end; ++i) {
      const uint32_t index = wants[i].reference.trace_index;
      if (!digest || index >= digest->traces.size()) {
        ++read.lost_references;
        continue;
      }
      on_part(wants[i].fragment, *digest, digest->traces[index], record->payload);
    }
  }
  return read;
}

base::Result<ReadFragments> read_fragments(log::Log& log, std::span<const Fragment> fragments, const OnPart& on_part) {
  std::vector<wire::otlp::TraceSplicer> splicers(fragments.size());
  const auto splice = [&](size_t fragment, const model::RequestDigest& digest, const model::TraceDigest& trace,
                          std::string_view payload) {
    splicers[fragment].add(digest, payload, trace.first_span, trace.span_count);
    if (on_part) on_part(fragment, digest, trace, payload);
  };
  const auto parts = read_parts(log, fragments, splice);
  if (!parts) return std::unexpected(parts.error());
  ReadFragments read{{*parts}, {}};
  for (wire::otlp::TraceSplicer& splicer : splicers) read.otlp.push_back(splicer.finish());
  return read;
}

}  // namespace backstitch::assemble
