#include "ingest/memory_bound.h"

#include <gtest/gtest.h>
#include <utility>

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kBytesMax = 128 << 20;
constexpr uint64_t kAdmitted = kBytesMax - MemoryBound::reserve(kBytesMax);

class MemoryBoundTest : public testing::Test {
 protected:
  bool admits_later(uint64_t request_bytes = 0) {
    clock_.advance(1s);
    return memory_.admits(request_bytes);
  }

  base::FakeClock clock_;
  uint64_t resident_ = 0;
  uint64_t reusable_ = 0;
  uint64_t expected_ = 0;
  uint64_t freed_ = 0;  // of resident_, until the allocator gives it back
  int measured_ = 0;
  int gave_back_ = 0;
  MemoryBound memory_{clock_,
                      {.bytes_max = kBytesMax,
                       .resident_bytes =
                           [this] {
                             ++measured_;
                             return resident_;
                           },
                       .reusable_bytes = [this] { return reusable_; },
                       .expected_bytes = [this] { return expected_; },
                       .give_back_memory =
                           [this] {
                             ++gave_back_;
                             resident_ -= std::exchange(freed_, 0);
                           }}};
};

TEST_F(MemoryBoundTest, requests_are_refused_a_reserve_before_the_bound_and_admitted_below) {
  resident_ = kAdmitted - 1;
  EXPECT_TRUE(admits_later());
  resident_ = kAdmitted;
  EXPECT_FALSE(admits_later());
  resident_ = kAdmitted - 1;
  EXPECT_TRUE(admits_later());
}

TEST_F(MemoryBoundTest, work_in_the_background_finds_its_memory_when_it_begins) {
  expected_ = 20 << 20;
  resident_ = kAdmitted - expected_ - 1;
  EXPECT_TRUE(admits_later());
  resident_ += 1;
  EXPECT_FALSE(admits_later());
  resident_ += std::exchange(expected_, 0) - 1;  // it began
  EXPECT_TRUE(admits_later());
}

TEST_F(MemoryBoundTest, the_first_question_measures) {
  resident_ = kBytesMax;
  EXPECT_FALSE(memory_.admits(0));
}

TEST_F(MemoryBoundTest, a_large_request_is_not_refused_for_its_own_bytes) {
  constexpr uint64_t kRequest = 10 << 20;
  resident_ = kAdmitted - 1 + 2 * kRequest;
  EXPECT_TRUE(admits_later(kRequest));
  EXPECT_FALSE(admits_later(kRequest - 1));
}

TEST_F(MemoryBoundTest, no_request_is_so_large_that_it_passes_the_bound) {
  resident_ = kBytesMax - 1;
  EXPECT_TRUE(admits_later(UINT64_MAX / 4));
  resident_ = kBytesMax;
  EXPECT_FALSE(admits_later(UINT64_MAX / 4));
}

TEST_F(MemoryBoundTest, room_that_is_held_for_what_comes_next_refuses_nothing) {
  resident_ = kAdmitted + 5;
  reusable_ = 5;
  EXPECT_FALSE(admits_later());
  reusable_ = 6;
  EXPECT_TRUE(admits_later());
  reusable_ = UINT64_MAX;
  EXPECT_TRUE(admits_later());
}

TEST_F(MemoryBoundTest, many_questions_at_one_time_measure_once) {
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(memory_.admits(0));
  EXPECT_EQ(measured_, 1);
  EXPECT_TRUE(admits_later());
  EXPECT_EQ(measured_, 2);
}

TEST_F(MemoryBoundTest, memory_that_is_only_freed_refuses_nothing_once_it_is_given_back) {
  resident_ = kBytesMax;
  freed_ = kBytesMax / 2;
  EXPECT_FALSE(memory_.admits(0));
  memory_.relieve();
  EXPECT_TRUE(memory_.admits(0));
}

TEST_F(MemoryBoundTest, memory_is_given_back_a_few_times_a_second_and_only_while_nothing_is_admitted) {
  memory_.relieve();
  EXPECT_EQ(gave_back_, 0);
  resident_ = kBytesMax;
  for (int i = 0; i < 20; ++i) {
    memory_.relieve();
    clock_.advance(50ms);
  }
  EXPECT_EQ(gave_back_, 4);
}

}  // namespace
}  // namespace backstitch::ingest
