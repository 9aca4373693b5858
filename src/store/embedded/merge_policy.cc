#include "store/embedded/merge_policy.h"

#include <algorithm>
#include <span>
#include <tuple>

namespace backstitch::store::embedded {
namespace {

constexpr int kTiers = 4;
constexpr int kDone = kTiers;
constexpr uint64_t kTierFactor = 4;

int tier_of(uint64_t spans, const MergeOptions& options) {
  int tier = kDone;
  for (uint64_t bound = options.done_spans; tier > 0 && spans < bound; bound /= kTierFactor) --tier;
  return tier;
}

// The blocks at the front of `blocks` that may become one, none of a tier above `tier`; empty where fewer than
// blocks_min of them are of that tier.
std::span<const MergeCandidate> run_at_front(std::span<const MergeCandidate> blocks, int tier,
                                             const MergeOptions& options) {
  size_t size = 0;
  uint32_t of_tier = 0;
  uint64_t spans = 0;
  uint64_t otlp_bytes = 0;
  base::Timestamp sealed_min{UINT64_MAX};
  for (const MergeCandidate& block : blocks) {
    const int own = tier_of(block.spans, options);
    sealed_min = std::min(sealed_min, block.sealed_min);
    spans += block.spans;
    otlp_bytes += block.otlp_bytes;
    const bool fits = block.is_mergeable && own <= tier && spans <= options.spans_max &&
                      otlp_bytes <= options.otlp_bytes_max && size < options.blocks_max &&
                      base::elapsed(sealed_min, block.sealed_max) <= options.sealed_apart_max;
    if (!fits) break;
    ++size;
    of_tier += own == tier ? 1 : 0;
  }
  return of_tier >= options.blocks_min ? blocks.first(size) : blocks.first(0);
}

}  // namespace

std::vector<uint64_t> choose_merge(std::vector<MergeCandidate> blocks, const MergeOptions& options) {
  std::ranges::sort(blocks, std::less(),
                    [](const MergeCandidate& block) { return std::tuple(block.sealed_max, block.number); });
  const int last_tier = options.merges_done_blocks ? kDone : kDone - 1;
  for (int tier = 0; tier <= last_tier; ++tier) {
    for (size_t i = 0; i < blocks.size(); ++i) {
      const auto run = run_at_front(std::span(blocks).subspan(i), tier, options);
      if (run.empty()) continue;
      std::vector<uint64_t> numbers;
      for (const MergeCandidate& block : run) numbers.push_back(block.number);
      return numbers;
    }
  }
  return {};
}

}  // namespace backstitch::store::embedded
