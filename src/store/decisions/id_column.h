// The ids of a page, sorted, by how far each is from the first: the low bits as they are, and before them in as many
// zeros and a one by how much the high bits grew.
#pragma once

#include <cstdint>
#include <span>

#include "model/ids.h"
#include "store/block/bit_stream.h"
#include "store/contract/decision_store.h"

namespace backstitch::store::decisions {

// Not the first id itself: the directory has it.
void put_ids(std::span<const DecisionRecord> records, block::BitWriter& out);

// Reads the ids of a page one by one.
class IdReader {
 public:
  IdReader(const model::TraceId& first, block::BitReader& in);

  const model::TraceId& id() const { return id_; }
  // To the next id. False where the bits are none that put_ids writes.
  bool advance();

 private:
  bool take_gap();

  block::BitReader& in_;
  const uint64_t first_high_;
  const uint64_t first_low_;
  unsigned low_width_;
  uint64_t high_part_ = 0;
  model::TraceId id_;
};

}  // namespace backstitch::store::decisions
