#include "base/nearest_name.h"

#include <gtest/gtest.h>
#include <string>

namespace backstitch::base {
namespace {

constexpr std::string_view kKnown[] = {"policies", "decision_wait", "num_traces"};

TEST(NearestName, distance_counts_changes_additions_and_omissions) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
}

TEST(NearestName, misspelled_name_finds_what_was_meant) {
  EXPECT_EQ(nearest_name("polices", kKnown), "policies");
  EXPECT_EQ(nearest_name("decisionwait", kKnown), "decision_wait");
}

TEST(NearestName, name_like_no_other_finds_nothing) {
  EXPECT_EQ(nearest_name("zzz", kKnown), "");
  EXPECT_EQ(nearest_name(std::string(200, 'p'), kKnown), "");
}

}  // namespace
}  // namespace backstitch::base
