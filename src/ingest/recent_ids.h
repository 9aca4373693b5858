// Which traces were decided lately: a filter without false negatives for the last millions of them, so that the store
// of decisions is asked about few of the traces that are new.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "model/ids.h"

namespace backstitch::ingest {

// About a byte an id; false positives below 3 % of what is asked, when full below 25 %. One thread at a time.
class RecentIds {
 public:
  static constexpr size_t kChunkIds = 512 << 10;
  static constexpr size_t kChunksMax = 16;  // the oldest is forgotten, half a million ids at once

  void add(const model::TraceId& id);
  bool may_contain(const model::TraceId& id) const;

 private:
  struct Chunk {
    std::vector<uint64_t> words = std::vector<uint64_t>(kChunkIds / 8);  // 8 bits an id
    size_t ids = 0;
  };
  std::deque<Chunk> chunks_;  // the newest first
};

}  // namespace backstitch::ingest
