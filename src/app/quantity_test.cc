#include "app/quantity.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

TEST(Quantity, sizes_take_units_of_1024_and_1000) {
  EXPECT_EQ(parse_size("2GiB"), 2ULL << 30);
  EXPECT_EQ(parse_size("256 MiB"), 256ULL << 20);
  EXPECT_EQ(parse_size("1.5KiB"), 1536U);
  EXPECT_EQ(parse_size("10MB"), 10'000'000U);
  EXPECT_EQ(parse_size("4096"), 4096U);
}

TEST(Quantity, what_is_no_size_is_refused) {
  for (const char* text : {"", "GiB", "-1GiB", "2Gib", "1GiB2", "inf", "nan", "1e3", "0x10"}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(Quantity, size_beyond_eight_exbibytes_is_refused) { EXPECT_FALSE(parse_size("9000000TiB").has_value()); }

TEST(Quantity, size_text_reads_back) {
  for (const uint64_t bytes : {0ULL, 1ULL, 1023ULL, 1024ULL, 1536ULL, 20ULL << 30, 5ULL << 40}) {
    EXPECT_EQ(parse_size(size_text(bytes)), bytes) << size_text(bytes);
  }
}

TEST(Quantity, share_takes_percent_and_fraction) {
  EXPECT_DOUBLE_EQ(parse_share("80%").value(), 0.8);
  EXPECT_DOUBLE_EQ(parse_share("0.5").value(), 0.5);
  EXPECT_EQ(share_text(0.8), "80%");
}

TEST(Quantity, share_outside_its_range_is_refused) {
  for (const char* text : {"0%", "101%", "-5%", "2", "", "80 percent"})
    EXPECT_FALSE(parse_share(text).has_value()) << text;
}

TEST(Quantity, counts_are_whole_numbers) {
  EXPECT_EQ(parse_count("200_000"), 200'000U);
  for (const char* text : {"", "-1", "1.5", "ten"}) EXPECT_FALSE(parse_count(text).has_value()) << text;
}

}  // namespace
}  // namespace backstitch::app
