// Makes one block out of several: their traces in order of start, fragments of one trace joined. Reads two row groups
// of each block at a time at most, so memory is bounded by these, what the writer holds, and a few dozen bytes a
// fragment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/block/block.h"

namespace backstitch::store::embedded {

struct MergeInput {
  uint64_t number = 0;
  std::shared_ptr<const block::Block> block;
};

struct Merged {
  std::string file;  // names the inputs as what it replaces
  uint64_t spans = 0;
  uint64_t joined_fragments = 0;  // that went into others
};

// At least one input (asserted). Cancelled soon after `stop`. Where an input cannot be read (Corrupt, Io, Malformed),
// `unreadable` is its number.
base::Result<Merged> merge_blocks(const std::vector<MergeInput>& inputs, const std::stop_token& stop,
                                  std::optional<uint64_t>& unreadable);

}  // namespace backstitch::store::embedded
