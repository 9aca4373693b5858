#include "ingest/recent_ids.h"

#include <absl/hash/hash.h>
#include <algorithm>

namespace backstitch::ingest {
namespace {

constexpr int kBitsSet = 5;  // of 8 bits an id: about 2 % false positives

// Ids are random, but need not be: the hash is of both halves.
struct Probe {
  explicit Probe(const model::TraceId& id) : at(absl::Hash<model::TraceId>{}(id)), step(at >> 32 | 1) {}

  size_t next(size_t bits) {
    at += step;
    return at % bits;
  }

  uint64_t at;
  uint64_t step;
};

}  // namespace

void RecentIds::add(const model::TraceId& id) {
  if (chunks_.empty() || chunks_.front().ids == kChunkIds) {
    if (chunks_.size() == kChunksMax) chunks_.pop_back();
    chunks_.emplace_front();
  }
  Chunk& chunk = chunks_.front();
  Probe probe(id);
  for (int i = 0; i < kBitsSet; ++i) {
    const size_t bit = probe.next(chunk.words.size() * 64);
    chunk.words[bit / 64] |= uint64_t{1} << bit % 64;
  }
  ++chunk.ids;
}

bool RecentIds::may_contain(const model::TraceId& id) const {
  return std::ranges::any_of(chunks_, [&](const Chunk& chunk) {
    Probe probe(id);
    for (int i = 0; i < kBitsSet; ++i) {
      const size_t bit = probe.next(chunk.words.size() * 64);
      if ((chunk.words[bit / 64] >> bit % 64 & 1) == 0) return false;
    }
    return true;
  });
}

}  // namespace backstitch::ingest
