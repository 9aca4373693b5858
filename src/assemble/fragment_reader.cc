#include "assemble/fragment_reader.h"

#include <algorithm>

#include "wire/otlp/splice.h"

namespace backstitch::assemble {
namespace {

struct Want {
  SpanReference reference;
  size_t fragment;
};

std::vector<Want> in_log_order(std::span<const Fragment> fragments, std::span<const Fragment> others) {
  std::vector<Want> wants;
  size_t place = 0;
  for (const auto& list : {fragments, others}) {
    for (const Fragment& fragment : list) {
      for (const SpanReference& reference : fragment.references) {
        if (reference.has_spans()) wants.push_back({reference, place});
      }
      ++place;
    }
  }
  std::stable_sort(wants.begin(), wants.end(),
                   [](const Want& a, const Want& b) { return a.reference.position < b.reference.position; });
  return wants;
}

bool is_gone(const base::Error& error) {
  return error.code == base::Errc::NotFound || error.code == base::Errc::Corrupt;
}

}  // namespace

base::Result<ReadParts> read_parts(log::Log& log, std::span<const Fragment> fragments, std::span<const Fragment> others,
                                   const OnPart& on_part) {
  ReadParts read;
  const std::vector<Want> wants = in_log_order(fragments, others);
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

base::Result<ReadFragments> read_fragments(log::Log& log, std::span<const Fragment> fragments, const OnPart& on_part,
                                           std::span<const Fragment> others) {
  std::vector<wire::otlp::TraceSplicer> splicers(fragments.size());
  const auto splice = [&](size_t fragment, const model::RequestDigest& digest, const model::TraceDigest& trace,
                          std::string_view payload) {
    if (fragment < splicers.size()) splicers[fragment].add(digest, payload, trace.first_span, trace.span_count);
    if (on_part) on_part(fragment, digest, trace, payload);
  };
  const auto parts = read_parts(log, fragments, others, splice);
  if (!parts) return std::unexpected(parts.error());
  ReadFragments read{{*parts}, {}};
  for (wire::otlp::TraceSplicer& splicer : splicers) read.otlp.push_back(splicer.finish());
  return read;
}

}  // namespace backstitch::assemble
