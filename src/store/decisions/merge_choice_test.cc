#include "store/decisions/merge_choice.h"

#include <gtest/gtest.h>
#include <vector>

namespace backstitch::store::decisions {
namespace {

constexpr MergeOptions kOptions{
    .small_records = 10, .records_max = 200, .runs_min = 3, .runs_max = 5, .apart_max = base::Duration(100)};

// "first+count", or "-".
std::string chosen(const std::vector<uint64_t>& sizes, const std::vector<uint64_t>& times = {}) {
  std::vector<MergeCandidate> runs;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const base::Timestamp at{times.empty() ? 1 : times[i]};
    runs.push_back({sizes[i] % 1000, at, at, sizes[i] < 1000});
  }
  const MergeChoice choice = choose_merge(runs, kOptions);
  return choice.count == 0 ? "-" : std::to_string(choice.first) + "+" + std::to_string(choice.count);
}

TEST(MergeChoiceTest, too_few_of_a_size_stay) {
  EXPECT_EQ(chosen({}), "-");
  EXPECT_EQ(chosen({5, 5}), "-");
  EXPECT_EQ(chosen({20, 5, 20, 5}), "-");
}

TEST(MergeChoiceTest, neighbours_of_a_size_become_one) {
  EXPECT_EQ(chosen({5, 5, 5}), "0+3");
  EXPECT_EQ(chosen({150, 20, 5, 5, 5}), "2+3");
  EXPECT_EQ(chosen({20, 20, 5, 20}), "0+4");  // a smaller one between them goes with them
}

TEST(MergeChoiceTest, no_more_than_the_bounds_allow) {
  EXPECT_EQ(chosen({1, 1, 1, 1, 1, 1, 1}), "0+5");
  EXPECT_EQ(chosen({90, 90, 90, 90}), "-");  // three would be above records_max
}

TEST(MergeChoiceTest, decisions_far_apart_in_time_stay_apart) {
  EXPECT_EQ(chosen({5, 5, 5, 5}, {0, 101, 150, 201}), "1+3");
  EXPECT_EQ(chosen({5, 5, 5}, {0, 60, 120}), "-");
}

TEST(MergeChoiceTest, a_run_that_cannot_be_read_is_passed_over) {
  EXPECT_EQ(chosen({5, 5, 1005, 5, 5}), "-");
  EXPECT_EQ(chosen({5, 5, 1005, 5, 5, 5}), "3+3");
}

}  // namespace
}  // namespace backstitch::store::decisions
