#include "ingest/peer_records.h"

#include <utility>

#include "assemble/open_reader.h"

namespace backstitch::ingest {

PeerRecords peer_records(const model::PeerNotes& notes, size_t shard_count,
                         const std::function<bool(const model::TraceId&)>& is_wanted) {
  PeerRecords records{.shards = std::vector<assemble::ShardRecord>(shard_count)};
  for (const model::MovedTrace& moved : notes.moved) {
    std::string_view bytes = moved.features;
    auto features = sample::decode_features(bytes);
    if (!features || !bytes.empty()) {
      ++records.broken;
      continue;
    }
    if (!is_wanted(moved.id)) continue;
    const model::TraceDigest digest{
        .id = moved.id, .start = {UINT64_MAX}, .end = {}, .span_count = features->span_count};
    assemble::ShardRecord& shard = records.shards[assemble::shard_of(moved.id, shard_count)];
    shard.parts.push_back({digest, assemble::SpanReference::kOfPeer});
    shard.features.push_back(*std::move(features));
    ++records.parts;
  }
  return records;
}

}  // namespace backstitch::ingest
