// What tells most of a span's other columns: its name, and its name with its parent's. Private to store/block; writer
// and reader number contexts alike.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "store/block/block_format.h"

namespace backstitch::store::block {

// Rows from a span's row back to its parent's, out of Field::Parent; 0 where the parent has none.
constexpr uint64_t rows_back(uint64_t parent) { return parent < 2 ? 0 : parent - 1; }

// One number for each span of a group: pairs (name, parent's name) numbered in the order of their first appearance. A
// span without a parent's row counts as one whose parent is like no other. `parents` must point into the group.
std::vector<uint32_t> number_names(std::span<const uint32_t> names, std::span<const uint32_t> parents);

}  // namespace backstitch::store::block
