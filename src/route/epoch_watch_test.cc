#include "route/epoch_watch.h"

#include <gtest/gtest.h>

namespace backstitch::route {
namespace {

using namespace std::chrono_literals;

class FakeClock final : public base::Clock {
 public:
  base::Timestamp now() const override { return base::offset({1'700'000'000'000'000'000}, monotonic_); }
  base::Duration monotonic() const override { return monotonic_; }
  void pass(base::Duration time) { monotonic_ += time; }

 private:
  base::Duration monotonic_ = 1h;
};

class EpochWatchTest : public testing::Test {
 protected:
  void see_for(base::Duration time, const std::string& epoch) {
    for (base::Duration passed{0}; passed <= time; passed += 1s) {
      watch_.see("router", epoch);
      clock_.pass(1s);
    }
  }
  bool counts(const std::string& value) {
    return metrics_.render().find("backstitch_cluster_epoch_mismatches_total{from=\"router\"} " + value + "\n") !=
           std::string::npos;
  }

  FakeClock clock_;
  base::Metrics metrics_;
  std::string own_ = "aa";
  EpochWatch watch_{clock_, metrics_, [this] { return own_; }};
};

TEST_F(EpochWatchTest, the_same_list_and_no_list_do_not_differ) {
  see_for(10s, "aa");
  see_for(10s, "");
  own_ = "";
  see_for(10s, "bb");
  EXPECT_TRUE(watch_.differing().empty());
}

TEST_F(EpochWatchTest, a_difference_that_lasts_is_counted_and_told) {
  see_for(4s, "bb");
  ASSERT_EQ(watch_.differing().size(), 1u);
  const DifferingEpoch one = watch_.differing()[0];
  EXPECT_EQ(one.from, "router");
  EXPECT_EQ(one.epoch, "bb");
  EXPECT_EQ(one.messages, 2u);
  EXPECT_EQ(base::elapsed(one.since, one.last), 4s);
  EXPECT_TRUE(counts("2"));
}

TEST_F(EpochWatchTest, a_change_that_comes_a_moment_apart_is_none) {
  see_for(2s, "bb");
  own_ = "bb";
  see_for(10s, "bb");
  EXPECT_TRUE(watch_.differing().empty());
  EXPECT_FALSE(counts("1"));
}

TEST_F(EpochWatchTest, one_sender_that_is_right_hides_none_that_is_wrong) {
  for (int i = 0; i < 5; ++i) {
    watch_.see("router", "aa");
    watch_.see("router", "bb");
    clock_.pass(1s);
  }
  EXPECT_EQ(watch_.differing().size(), 1u);
}

TEST_F(EpochWatchTest, a_difference_is_over_when_nobody_shows_it_or_this_node_has_the_list_too) {
  see_for(5s, "bb");
  own_ = "bb";
  EXPECT_TRUE(watch_.differing().empty());
  own_ = "aa";
  clock_.pass(31s);
  EXPECT_TRUE(watch_.differing().empty());
}

TEST_F(EpochWatchTest, what_is_remembered_is_bounded) {
  for (int i = 0; i < 1000; ++i) watch_.see("router", std::to_string(i));
  clock_.pass(4s);
  for (int i = 0; i < 1000; ++i) watch_.see("router", std::to_string(i));
  EXPECT_EQ(watch_.differing().size(), EpochWatch::kEpochsMax);
}

}  // namespace
}  // namespace backstitch::route
