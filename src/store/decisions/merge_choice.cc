#include "store/decisions/merge_choice.h"

#include <algorithm>

namespace backstitch::store::decisions {
namespace {

constexpr uint64_t kTierFactor = 4;

int tier_of(uint64_t records, const MergeOptions& options) {
  int tier = 0;
  for (uint64_t bound = options.small_records; records >= bound && bound != 0; bound *= kTierFactor) ++tier;
  return tier;
}

// How many runs at the front may become one, none of a tier above `tier`; 0 where fewer than runs_min are of it.
size_t mergeable_at_front(std::span<const MergeCandidate> runs, int tier, const MergeOptions& options) {
  size_t count = 0;
  uint32_t of_tier = 0;
  uint64_t records = 0;
  base::Timestamp oldest{UINT64_MAX};
  base::Timestamp youngest;
  for (const MergeCandidate& run : runs) {
    const int own = tier_of(run.records, options);
    records += run.records;
    oldest = std::min(oldest, run.oldest);
    youngest = std::max(youngest, run.youngest);
    const bool fits = run.is_mergeable && own <= tier && records <= options.records_max && count < options.runs_max &&
                      base::elapsed(oldest, youngest) <= options.apart_max;
    if (!fits) break;
    ++count;
    of_tier += own == tier ? 1 : 0;
  }
  return of_tier >= options.runs_min ? count : 0;
}

}  // namespace

MergeChoice choose_merge(std::span<const MergeCandidate> runs, const MergeOptions& options) {
  const int last_tier = tier_of(options.records_max, options);
  for (int tier = 0; tier <= last_tier; ++tier) {
    for (size_t first = 0; first < runs.size(); ++first) {
      const size_t count = mergeable_at_front(runs.subspan(first), tier, options);
      if (count >= 2) return {first, count};
    }
  }
  return {};
}

}  // namespace backstitch::store::decisions
