// Which runs become one: neighbours in the log's order of about the same size, so that each record is written once for
// each factor of four, and few runs are left to ask.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"

namespace backstitch::store::decisions {

struct MergeOptions {
  uint64_t small_records = 1 << 16;  // runs below are one tier; each further tier is four times as large
  uint64_t records_max = 5 << 20;    // of a merged run: what one step of work writes, some seconds long
  uint32_t runs_min = 4;             // of one tier that make a merge worth it
  uint32_t runs_max = 16;            // at once
  // Between the oldest and the youngest decision of a merged run: by so much retention may be late.
  base::Duration apart_max = std::chrono::hours(24 * 7) / 16;
};

struct MergeCandidate {
  uint64_t records = 0;
  base::Timestamp oldest;
  base::Timestamp youngest;
  bool is_mergeable = true;
};

struct MergeChoice {
  size_t first = 0;
  size_t count = 0;  // 0: there is nothing to merge
};

// `runs` in the log's order.
MergeChoice choose_merge(std::span<const MergeCandidate> runs, const MergeOptions& options);

}  // namespace backstitch::store::decisions
