#include "base/bounded_queue.h"

#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

namespace backstitch::base {
namespace {

constexpr auto kDeadline = std::chrono::seconds(30);
constexpr auto kAtOnce = std::chrono::nanoseconds(0);

TEST(BoundedQueue, refuses_beyond_its_capacity_until_room_is_given_back) {
  BoundedQueue<int> queue(10);
  EXPECT_TRUE(queue.try_reserve(6));
  EXPECT_FALSE(queue.try_reserve(5));
  EXPECT_TRUE(queue.try_reserve(4));
  queue.release(4);
  EXPECT_EQ(queue.reserved(), 6U);
  EXPECT_TRUE(queue.try_reserve(4));
}

TEST(BoundedQueue, a_cost_that_would_overflow_is_refused) {
  BoundedQueue<int> queue(10);
  EXPECT_TRUE(queue.try_reserve(1));
  EXPECT_FALSE(queue.try_reserve(SIZE_MAX));
}

TEST(BoundedQueue, items_come_in_order_and_popping_ends_their_reservation) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(queue.try_reserve(1));
    queue.push(std::make_unique<int>(i), 1);
  }
  EXPECT_EQ(**queue.pop(kDeadline), 0);
  EXPECT_EQ(queue.reserved(), 1U);
  EXPECT_EQ(**queue.pop(kDeadline), 1);
  EXPECT_FALSE(queue.pop(kAtOnce));
}

TEST(BoundedQueue, a_control_message_fits_a_full_queue) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.try_reserve(1));
  queue.push(7, 0);
  EXPECT_EQ(queue.pop(kDeadline), 7);
  EXPECT_EQ(queue.reserved(), 1U);
}

TEST(BoundedQueue, a_waiting_consumer_gets_all_of_many_producers) {
  constexpr int kProducers = 4;
  constexpr int kEach = 1000;
  BoundedQueue<int> queue(64);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        while (!queue.try_reserve(1)) std::this_thread::yield();
        queue.push(1, 1);
      }
    });
  }
  int sum = 0;
  while (sum < kProducers * kEach) {
    const auto item = queue.pop(kDeadline);
    if (!item) break;
    sum += *item;
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(sum, kProducers * kEach);
  EXPECT_EQ(queue.reserved(), 0U);
}

}  // namespace
}  // namespace backstitch::base
