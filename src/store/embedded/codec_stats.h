// How pages of blocks are encoded, and what that saves.
#pragma once

#include <memory>
#include <vector>

#include "store/block/block.h"
#include "store/contract/store_stats.h"

namespace backstitch::store::embedded {

// Reads every page of the newest kCodecBlocks blocks: about a tenth of a second each. Pages that cannot be read are
// left out. Largest stored first, ties by name.
constexpr size_t kCodecBlocks = 8;
std::vector<CodecStats> codec_stats(std::vector<std::shared_ptr<const block::Block>> blocks);

}  // namespace backstitch::store::embedded
