#include "store/embedded/merge_policy.h"

#include <gtest/gtest.h>
#include <map>
#include <numeric>

#include "base/random.h"

namespace backstitch::store::embedded {
namespace {

using Numbers = std::vector<uint64_t>;

// Blocks 1, 2, … sealed at instants 1, 2, … of that many spans.
std::vector<MergeCandidate> blocks_of(const std::vector<uint64_t>& spans) {
  std::vector<MergeCandidate> blocks;
  for (const uint64_t count : spans) {
    const uint64_t number = blocks.size() + 1;
    blocks.push_back({.number = number, .spans = count, .sealed_min = {number}, .sealed_max = {number}});
  }
  return blocks;
}
Numbers chosen(const std::vector<uint64_t>& spans, const MergeOptions& options = {}) {
  return choose_merge(blocks_of(spans), options);
}

TEST(MergePolicy, nothing_is_done_about_few_blocks) {
  EXPECT_EQ(chosen({}), Numbers{});
  EXPECT_EQ(chosen({10, 10, 10}), Numbers{});
}

TEST(MergePolicy, four_blocks_of_a_tier_are_merged) {
  EXPECT_EQ(chosen({10, 1000, 500, 1}), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(chosen({20'000, 60'000, 30'000, 40'000}), (Numbers{1, 2, 3, 4}));
}

TEST(MergePolicy, blocks_of_different_tiers_wait_for_their_like) {
  EXPECT_EQ(chosen({20'000, 10, 10, 10}), Numbers{});
  EXPECT_EQ(chosen({5000, 2000, 10, 20'000}), Numbers{});
}

TEST(MergePolicy, blocks_of_long_texts_are_merged_in_smaller_parts) {
  auto blocks = blocks_of({2000, 2000, 2000, 2000, 2000, 2000});
  for (MergeCandidate& block : blocks) block.otlp_bytes = 100 << 20;
  EXPECT_EQ(choose_merge(blocks, {}), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(choose_merge(blocks, {.otlp_bytes_max = 450 << 20}), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(choose_merge(blocks, {.otlp_bytes_max = 350 << 20}), Numbers{});
}

TEST(MergePolicy, memory_bounds_spans_and_bytes) {
  MergeOptions options;
  options.limit_memory(16 << 20);
  EXPECT_LE(options.memory_bytes(), 16u << 20);
  EXPECT_EQ(options.otlp_bytes_max, 32u << 20);
  options.limit_memory(0);
  EXPECT_EQ(options.spans_max, 0u);
}

TEST(MergePolicy, the_smallest_tier_goes_first) {
  EXPECT_EQ(chosen({2000, 2000, 2000, 2000, 10, 10, 10, 10}), (Numbers{5, 6, 7, 8}));
}

TEST(MergePolicy, smaller_blocks_between_those_of_a_tier_go_along) {
  EXPECT_EQ(chosen({2000, 10, 2000, 2000, 10, 2000}), (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST(MergePolicy, a_block_that_is_done_keeps_others_apart) {
  EXPECT_EQ(chosen({10, 10, 70'000, 10, 10}), Numbers{});
  EXPECT_EQ(chosen({70'000, 70'000, 70'000, 70'000}), Numbers{});
}

TEST(MergePolicy, done_blocks_are_merged_where_that_is_asked_for) {
  const MergeOptions options{.merges_done_blocks = true};
  EXPECT_EQ(chosen({70'000, 70'000, 70'000, 70'000, 70'000}, options), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(chosen({280'000, 280'000, 280'000, 280'000}, options), Numbers{});
}

TEST(MergePolicy, neighbours_are_those_in_the_time_of_sealing_not_by_number) {
  auto blocks = blocks_of({10, 70'000, 10, 10, 10});
  blocks[1].sealed_min = blocks[1].sealed_max = {100};
  EXPECT_EQ(choose_merge(blocks, {}), (Numbers{1, 3, 4, 5}));
}

TEST(MergePolicy, blocks_sealed_too_far_apart_stay_apart) {
  MergeOptions options{.sealed_apart_max = base::Duration(3)};
  EXPECT_EQ(chosen({10, 10, 10, 10}, options), (Numbers{1, 2, 3, 4}));
  options.sealed_apart_max = base::Duration(2);
  EXPECT_EQ(chosen({10, 10, 10, 10, 10, 10}, options), Numbers{});
  auto blocks = blocks_of({10, 10, 10, 10});
  blocks[3].sealed_min = {0};  // it holds something older than all others
  EXPECT_EQ(choose_merge(blocks, {.sealed_apart_max = base::Duration(3)}), Numbers{});
}

TEST(MergePolicy, a_block_that_cannot_be_merged_stays) {
  auto blocks = blocks_of({10, 10, 10, 10, 10, 10});
  blocks[1].is_mergeable = false;
  EXPECT_EQ(choose_merge(blocks, {}), (Numbers{3, 4, 5, 6}));
}

TEST(MergePolicy, no_more_blocks_are_merged_at_once_than_may) {
  EXPECT_EQ(chosen(std::vector<uint64_t>(40, 10)).size(), MergeOptions().blocks_max);
}

// Over a long life of random appends, each merged as far as it goes.
TEST(MergePolicy, every_span_is_rewritten_at_most_a_few_times_and_few_blocks_stay) {
  base::Random random(3);
  std::map<uint64_t, std::pair<MergeCandidate, double>> blocks;  // with how often its spans were written
  uint64_t next = 0;
  uint64_t written = 0;
  uint64_t appended = 0;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t spans = 1 + random.below(2000);
    ++next;
    blocks[next].first = {.number = next, .spans = spans, .sealed_min = {next}, .sealed_max = {next}};
    appended += spans;
    while (true) {
      std::vector<MergeCandidate> all;
      for (const auto& [number, block] : blocks) all.push_back(block.first);
      const Numbers inputs = choose_merge(all, {});
      if (inputs.empty()) break;
      MergeCandidate merged{.number = ++next, .sealed_min = {UINT64_MAX}};
      for (const uint64_t number : inputs) {
        const MergeCandidate& input = blocks[number].first;
        merged.spans += input.spans;
        merged.sealed_min = std::min(merged.sealed_min, input.sealed_min);
        merged.sealed_max = std::max(merged.sealed_max, input.sealed_max);
        blocks.erase(number);
      }
      written += merged.spans;
      blocks[next].first = merged;
    }
    if (blocks.size() > 200) blocks.erase(blocks.begin());  // as retention would
  }
  EXPECT_LT(static_cast<double>(written), 3.5 * static_cast<double>(appended));
  size_t small = 0;
  for (const auto& [number, block] : blocks) small += block.first.spans < MergeOptions().done_spans ? 1 : 0;
  EXPECT_LT(small, 60u);
}

}  // namespace
}  // namespace backstitch::store::embedded
