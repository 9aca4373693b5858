// Token buckets, composite's span rates, adaptive's rates and the memory of shapes, each by itself.
#include <cmath>
#include <gtest/gtest.h>

#include "base/random.h"
#include "sample/adaptive_rates.h"
#include "sample/shape_memory.h"
#include "sample/span_rate.h"
#include "sample/token_bucket.h"

namespace backstitch::sample {
namespace {

using base::Timestamp;
using namespace std::chrono_literals;

constexpr Timestamp kStart{1'700'000'000'000'000'000};

template <typename T>
T restored(const T& from, T into) {
  std::string bytes;
  from.save(bytes);
  Reader in(bytes);
  into.restore(in);
  EXPECT_FALSE(in.is_bad());
  EXPECT_TRUE(in.rest().empty());
  return into;
}

// 200 requests for up to 8 tokens (each 50th for 21) at random times against golang.org/x/time/rate v0.16.0 with 10 a
// second, 20 at most.
TEST(TokenBucket, admits_what_gos_limiter_admits) {
  const std::string golden =
      "1111111111111111111010011110101110111111111111111011101011111111111110111111111111111111101111111110111111011111"
      "1"
      "111111011110111111010111010111100011011111111111010111111111111011111111111111111111010";
  TokenBucket bucket({.tokens_per_second = 10, .burst = 20});
  Timestamp now = kStart;
  uint64_t state = 7;
  const auto next = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return state >> 33;
  };
  std::string admitted;
  for (int i = 0; i < 200; ++i) {
    now = base::offset(now, std::chrono::milliseconds(next() % 700));
    auto count = static_cast<int64_t>(next() % 9);
    if (i % 50 == 49) count = 21;
    admitted += bucket.take(count, now) ? '1' : '0';
  }
  EXPECT_EQ(admitted, golden);
}

TEST(TokenBucket, begins_full_and_without_a_rate_stays_empty) {
  TokenBucket bucket({.tokens_per_second = 0, .burst = 3});
  EXPECT_TRUE(bucket.take(3, kStart));
  EXPECT_FALSE(bucket.take(1, base::offset(kStart, 24h)));
}

TEST(TokenBucket, a_clock_that_goes_back_brings_nothing) {
  TokenBucket bucket({.tokens_per_second = 1, .burst = 2});
  EXPECT_TRUE(bucket.take(2, kStart));
  EXPECT_FALSE(bucket.take(1, base::offset(kStart, -1h)));
  EXPECT_TRUE(bucket.take(1, base::offset(kStart, 1s)));
}

TEST(TokenBucket, a_restored_one_goes_on_where_it_was) {
  const BucketRate rate{.tokens_per_second = 10, .burst = 20};
  TokenBucket bucket(rate);
  EXPECT_TRUE(bucket.take(15, kStart));
  TokenBucket again = restored(bucket, TokenBucket(rate));
  EXPECT_FALSE(again.take(6, kStart));
  EXPECT_TRUE(again.take(6, base::offset(kStart, 100ms)));
}

TEST(SpanRate, counts_each_policy_by_itself_and_anew_each_second) {
  SpanRate rate(100, {60, 0});
  EXPECT_TRUE(rate.take(0, 60, kStart));
  EXPECT_FALSE(rate.take(0, 1, kStart));
  EXPECT_TRUE(rate.take(1, 50, kStart));  // an equal share of two, though 110 are taken in all
  EXPECT_FALSE(rate.take(1, 1, base::offset(kStart, 999ms)));
  EXPECT_TRUE(rate.take(1, 1, base::offset(kStart, 1s)));
}

TEST(SpanRate, what_did_not_fit_leaves_room_for_less) {
  SpanRate rate(10, {100});
  EXPECT_FALSE(rate.take(0, 11, kStart));
  EXPECT_TRUE(rate.take(0, 10, kStart));
}

TEST(SpanRate, no_policy_passes_the_total) {
  SpanRate rate(10, {200});
  EXPECT_FALSE(rate.take(0, 11, kStart));
}

TEST(AdaptiveRates, comes_to_the_percentage_and_keeps_rare_kinds_whole) {
  AdaptiveRates rates({.fraction = 0.1, .interval = 15s});
  double expected_kept = 0, rare_kept = 0;
  int seen = 0;
  for (int second = 0; second < 300; ++second) {
    const Timestamp now = base::offset(kStart, std::chrono::seconds(second));
    const bool is_settled = second >= 60;
    for (int i = 0; i < 100; ++i) {
      const double kept = rates.count(i < 80 ? 1 : 2, now);
      if (is_settled) expected_kept += kept, ++seen;
    }
    if (second % 15 == 1) {
      const double kept = rates.count(3, now);
      if (is_settled) expected_kept += kept, rare_kept = kept, ++seen;
    }
  }
  EXPECT_NEAR(expected_kept / seen, 0.1, 0.005);
  EXPECT_EQ(rare_kept, 1);
}

TEST(AdaptiveRates, comes_to_the_traces_per_second_whatever_comes_in) {
  AdaptiveRates rates({.per_second = 20, .interval = 10s});
  double kept = 0;
  for (int second = 0; second < 200; ++second) {
    const int traffic = second < 100 ? 200 : 2000;
    const Timestamp now = base::offset(kStart, std::chrono::seconds(second));
    if (second >= 160) {
      for (int i = 0; i < traffic; ++i) kept += rates.count(static_cast<uint64_t>(i % 4), now);
    } else {
      for (int i = 0; i < traffic; ++i) rates.count(static_cast<uint64_t>(i % 4), now);
    }
  }
  EXPECT_NEAR(kept / 40, 20, 1);
}

TEST(AdaptiveRates, a_burst_does_not_wait_for_the_interval) {
  AdaptiveRates rates({.fraction = 0.1, .interval = 10s});
  for (int second = 0; second < 50; ++second) {
    for (int i = 0; i < 10; ++i) rates.count(1, base::offset(kStart, std::chrono::seconds(second)));
  }
  // A new kind is kept; a flood of it not for long, though no interval ends.
  const Timestamp now = base::offset(kStart, 51s);
  EXPECT_EQ(rates.count(2, now), 1);
  for (int i = 0; i < 1000; ++i) rates.count(2, now);
  EXPECT_LT(rates.count(2, now), 0.5);
}

TEST(AdaptiveRates, a_million_kinds_share_one_rate_beyond_the_bound) {
  AdaptiveRates rates({.fraction = 0.1, .interval = 1s, .keys_max = 100});
  base::Random random(1);
  double kept = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    kept += rates.count(random.next(), base::offset(kStart, std::chrono::microseconds(i * 10)));
  }
  EXPECT_LE(rates.kinds(), 100);
  EXPECT_GT(rates.overflowed(), 900'000);
  EXPECT_NEAR(kept / 1'000'000, 0.1, 0.02);
}

TEST(AdaptiveRates, restored_ones_say_the_same) {
  const AdaptiveGoal goal{.per_second = 5, .interval = 2s};
  AdaptiveRates rates(goal);
  for (int i = 0; i < 5000; ++i) {
    rates.count(static_cast<uint64_t>(i % 7), base::offset(kStart, std::chrono::milliseconds(i * 3)));
  }
  AdaptiveRates again = restored(rates, AdaptiveRates(goal));
  for (uint64_t kind = 0; kind < 9; ++kind) {
    EXPECT_EQ(again.count(kind, base::offset(kStart, 15s)), rates.count(kind, base::offset(kStart, 15s)));
  }
}

TEST(ShapeMemory, a_shape_is_new_once_and_again_after_it_was_not_seen_for_long) {
  ShapeMemory shapes({.forget_after = 1h, .shapes_max = 10});
  EXPECT_TRUE(shapes.is_new(1, kStart));
  EXPECT_FALSE(shapes.is_new(1, base::offset(kStart, 59min)));
  EXPECT_FALSE(shapes.is_new(1, base::offset(kStart, 118min)));
  EXPECT_TRUE(shapes.is_new(1, base::offset(kStart, 178min)));
}

TEST(ShapeMemory, forgets_the_one_seen_longest_ago_at_its_bound_and_counts_it) {
  ShapeMemory shapes({.forget_after = 1h, .shapes_max = 2});
  EXPECT_TRUE(shapes.is_new(1, kStart));
  EXPECT_TRUE(shapes.is_new(2, kStart));
  EXPECT_FALSE(shapes.is_new(1, kStart));
  EXPECT_TRUE(shapes.is_new(3, kStart));
  EXPECT_EQ(shapes.forgotten(), 1);
  EXPECT_FALSE(shapes.is_new(1, kStart));
  EXPECT_TRUE(shapes.is_new(2, kStart));
}

TEST(ShapeMemory, a_restored_one_knows_what_it_knew) {
  const ShapeBounds bounds{.forget_after = 1h, .shapes_max = 3};
  ShapeMemory shapes(bounds);
  for (uint64_t shape = 1; shape <= 4; ++shape) shapes.is_new(shape, kStart);
  ShapeMemory again = restored(shapes, ShapeMemory(bounds));
  EXPECT_EQ(again.size(), 3);
  EXPECT_EQ(again.forgotten(), 1);
  EXPECT_FALSE(again.is_new(4, kStart));
  EXPECT_TRUE(again.is_new(1, kStart));
}

}  // namespace
}  // namespace backstitch::sample
