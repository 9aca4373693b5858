// Signed numbers of one column of a page: each as what it is above the least of them, in as many bits as suit most,
// and behind those the high bits of the few that need more.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/block/bit_stream.h"

namespace backstitch::store::decisions {

// At most kPageRecordsMax values. No values take no bits.
void put_column(std::span<const int64_t> values, block::BitWriter& out);

// As many values as `out` has room for. False where the bits are none that put_column writes; what lies beyond the end
// of the bytes is for the caller to find.
bool take_column(block::BitReader& in, std::span<int64_t> out);

}  // namespace backstitch::store::decisions
