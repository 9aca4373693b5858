#include "sample/by_id.h"

#include <gtest/gtest.h>

namespace backstitch::sample {
namespace {

TEST(ById, chance_and_always_look_at_the_id_alone_and_so_does_what_is_made_of_them) {
  EXPECT_TRUE(goes_by_id(Probabilistic{}));
  EXPECT_TRUE(goes_by_id(Baseline{}));
  EXPECT_TRUE(goes_by_id(AlwaysSample{}));
  EXPECT_TRUE(goes_by_id(And{{{.name = "", .rule = Probabilistic{}}, {.name = "", .rule = AlwaysSample{}}}}));
  EXPECT_TRUE(goes_by_id(Not{{{.name = "", .rule = Probabilistic{}}}}));
  EXPECT_FALSE(goes_by_id(And{{{.name = "", .rule = Probabilistic{}}, {.name = "", .rule = Latency{}}}}));
  EXPECT_FALSE(goes_by_id(Adaptive{}));
  EXPECT_FALSE(goes_by_id(StatusCodes{}));
}

TEST(ById, the_others_are_told_by_their_bits) {
  PolicySet set;
  set.policies = {{.name = "errors", .rule = StatusCodes{}},
                  {.name = "some", .rule = Probabilistic{}},
                  {.name = "slow", .rule = Latency{}}};
  EXPECT_EQ(policies_by_evidence(set), 0b101u);
  set.policies.resize(70, {.name = "slow", .rule = Latency{}});
  EXPECT_EQ(policies_by_evidence(set), UINT64_MAX ^ 0b10u);
}

}  // namespace
}  // namespace backstitch::sample
