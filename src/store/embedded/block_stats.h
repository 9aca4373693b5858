// What the blocks of a store cost, by column and by service, and what their indexes take of memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/block/block.h"
#include "store/contract/store_stats.h"

namespace backstitch::store::embedded {

// As reports name it: "start", "span.http.route (string)".
std::string column_name(const block::ColumnId& column);

// From the indexes alone: no page is read.
StoreStats stats_of(const std::vector<std::shared_ptr<const block::Block>>& blocks);

// About as much as an index takes while its block is open.
uint64_t index_memory_bytes(const block::BlockIndex& index);

}  // namespace backstitch::store::embedded
