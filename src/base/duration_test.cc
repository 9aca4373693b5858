#include "base/duration.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::base {
namespace {

using namespace std::chrono_literals;

int64_t parsed(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration ? duration->count() : -1;
}

TEST(DurationTest, every_unit_is_read) {
  EXPECT_EQ(parsed("7ns"), 7);
  EXPECT_EQ(parsed("7us"), 7'000);
  EXPECT_EQ(parsed("7\u00b5s"), 7'000);
  EXPECT_EQ(parsed("7\u03bcs"), 7'000);
  EXPECT_EQ(parsed("250ms"), 250'000'000);
  EXPECT_EQ(parsed("7s"), 7'000'000'000);
  EXPECT_EQ(parsed("2m"), 120'000'000'000);
  EXPECT_EQ(parsed("1h"), 3'600'000'000'000);
}

TEST(DurationTest, terms_add_up) {
  EXPECT_EQ(parsed("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(parsed("1m0.5s"), 60'500'000'000);
}

TEST(DurationTest, fractions_are_exact_to_the_nanosecond) {
  EXPECT_EQ(parsed("1.5s"), 1'500'000'000);
  EXPECT_EQ(parsed(".5s"), 500'000'000);
  EXPECT_EQ(parsed("0.123456789s"), 123'456'789);
  EXPECT_EQ(parsed("0.9999999999s"), 999'999'999);
  EXPECT_EQ(parsed("0.5ns"), 0);
}

TEST(DurationTest, zero_needs_no_unit) { EXPECT_EQ(parsed("0"), 0); }

TEST(DurationTest, what_is_no_duration_is_refused) {
  for (const char* text :
       {"", "s", "5", "5 s", " 5s", "-5s", "5s-", "1.2.3s", ".s", "5S", "5d", "1e3s", "5sm", "0x1s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_EQ(duration.error().code, Errc::InvalidArgument) << text;
  }
}

TEST(DurationTest, the_longest_is_292_years) {
  EXPECT_EQ(parsed("9223372036854775807ns"), INT64_MAX);
  EXPECT_EQ(parsed("9223372036854775808ns"), -1);
  EXPECT_EQ(parsed("9223372036s854775808ns"), -1);
  EXPECT_EQ(parsed("99999999999999999999999h"), -1);
}

TEST(DurationTest, three_digits_and_the_unit_that_suits) {
  EXPECT_EQ(format_duration(0ns), "0s");
  EXPECT_EQ(format_duration(7ns), "7ns");
  EXPECT_EQ(format_duration(789us), "789µs");
  EXPECT_EQ(format_duration(45'600us), "45.6ms");
  EXPECT_EQ(format_duration(1'234ms), "1.23s");
  EXPECT_EQ(format_duration(1s), "1s");
  EXPECT_EQ(format_duration(-1500ms), "-1.5s");
}

TEST(DurationTest, minutes_and_hours_are_written_with_the_next_smaller_unit) {
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(2min), "2m");
  EXPECT_EQ(format_duration(1h + 30min), "1h30m");
  EXPECT_EQ(format_duration(26h + 5min), "26h5m");
}

TEST(DurationTest, rounding_up_moves_to_the_next_unit) {
  EXPECT_EQ(format_duration(999'999ns), "1ms");
  EXPECT_EQ(format_duration(999'960us), "1s");
  EXPECT_EQ(format_duration(59'990ms), "1m");
  EXPECT_EQ(format_duration(3599'700ms), "1h");
}

TEST(DurationTest, what_is_written_is_read_back_within_a_percent) {
  Random random(20260801);
  for (int i = 0; i < 100'000; ++i) {
    const Duration duration(static_cast<int64_t>(random.next() >> (1 + random.below(62))));
    const auto back = parse_duration(format_duration(duration));
    ASSERT_TRUE(back) << duration.count();
    const double difference = static_cast<double>((*back - duration).count());
    ASSERT_LE(std::abs(difference), static_cast<double>(duration.count()) * 0.01) << duration.count();
  }
}

TEST(Duration, exact_text_is_in_the_largest_unit_that_divides) {
  EXPECT_EQ(exact_duration(std::chrono::hours(72)), "72h");
  EXPECT_EQ(exact_duration(std::chrono::milliseconds(1500)), "1500ms");
  EXPECT_EQ(exact_duration(Duration(1'000'001)), "1000001ns");
  EXPECT_EQ(exact_duration(Duration(0)), "0s");
}

}  // namespace
}  // namespace backstitch::base
