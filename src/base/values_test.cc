// The small values of base: time, text encodings, random numbers, results.
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <set>
#include <string>

#include "base/base64.h"
#include "base/hex.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace backstitch::base {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(Time, elapsed_is_held_inside_what_a_duration_can_say) {
  EXPECT_EQ(elapsed({5}, {8}), Duration(3));
  EXPECT_EQ(elapsed({8}, {5}), Duration(-3));
  EXPECT_EQ(elapsed({0}, {kMax}), Duration::max());
  EXPECT_EQ(elapsed({kMax}, {0}), -Duration::max());
}

TEST(Time, offset_is_held_inside_what_a_timestamp_can_say) {
  EXPECT_EQ(offset({5}, Duration(3)), Timestamp{8});
  EXPECT_EQ(offset({5}, Duration(-9)), Timestamp{0});
  EXPECT_EQ(offset({kMax}, Duration(1)), Timestamp{kMax});
  EXPECT_EQ(offset({kMax}, Duration::min()), Timestamp{kMax - (uint64_t{1} << 63)});
}

TEST(Time, a_fake_clock_advances_both_and_jumps_one) {
  FakeClock clock;
  const Timestamp wall = clock.now();
  const Duration monotonic = clock.monotonic();
  clock.advance(Duration(7));
  EXPECT_EQ(elapsed(wall, clock.now()), Duration(7));
  clock.set_wall({1});
  EXPECT_EQ(clock.now(), Timestamp{1});
  EXPECT_EQ(clock.monotonic() - monotonic, Duration(7));
}

TEST(Time, the_system_clock_is_after_2020_and_its_timer_never_goes_back) {
  const SystemClock clock;
  EXPECT_GT(clock.now().unix_nanos, 1'577'836'800'000'000'000U);
  const Duration before = clock.monotonic();
  EXPECT_GE(clock.monotonic(), before);
}

TEST(Hex, round_trips_every_byte_and_reads_both_cases) {
  std::array<uint8_t, 256> all;
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  std::array<uint8_t, 256> back{};
  ASSERT_TRUE(from_hex(to_hex(all), back));
  EXPECT_EQ(back, all);
  std::array<uint8_t, 2> two{};
  ASSERT_TRUE(from_hex("aBCd", two));
  EXPECT_EQ(to_hex(two), "abcd");
}

TEST(Hex, refuses_other_lengths_and_characters) {
  std::array<uint8_t, 2> two{};
  for (const char* text : {"", "abc", "abcde", "abcg", "ab d", "abc\xff"}) EXPECT_FALSE(from_hex(text, two)) << text;
}

TEST(Base64, known_vectors) {  // RFC 4648, section 10
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Base64, takes_either_alphabet_and_no_padding) {
  EXPECT_EQ(from_base64("-_-_"), from_base64("+/+/"));
  EXPECT_EQ(from_base64("Zg"), "f");
}

TEST(Base64, refuses_what_is_none) {
  for (const char* text : {"Z", "Zm9vY", "Zm9*", "Zm 9v", "Zg=a", "====", "Zg=", "Zm8==", "Zm9v="}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(Random, the_same_seed_gives_the_same_stream) {
  Random random(0);
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafU);  // splitmix64's published first output for seed 0
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4U);
}

TEST(Random, numbers_stay_in_their_range) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.below(7), 7U);
    const double unit = random.unit();
    EXPECT_TRUE(unit >= 0 && unit < 1);
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
  }
}

TEST(Result, every_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::Cancelled); ++code) {
    EXPECT_TRUE(names.insert(to_string(static_cast<Errc>(code))).second);
  }
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(Result, fail_gives_code_and_message) {
  const Result<int> result = fail(Errc::NotFound, "no span 7");
  EXPECT_EQ(result.error(), (Error{Errc::NotFound, "no span 7"}));
}

}  // namespace
}  // namespace backstitch::base
