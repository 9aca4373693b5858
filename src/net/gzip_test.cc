#include "net/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/random.h"
#include "net/gzip_bomb.h"

namespace backstitch::net {
namespace {

using base::Errc;

std::string noise(size_t size, uint64_t seed) {
  base::Random random(seed);
  std::string bytes;
  while (bytes.size() < size) bytes += static_cast<char>(random.below(256));
  return bytes;
}

std::string zlib_deflate(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size());
  out.resize(size);
  return out;
}

TEST(Gzip, texts_of_all_sizes_round_trip) {
  for (const size_t size : {0, 1, 100, 65535, 65536, 65537, 1'000'000}) {
    const std::string text = noise(size / 2, size) + std::string(size - size / 2, 'x');
    const auto back = gunzip(gzip(text), size);
    ASSERT_TRUE(back) << size << ": " << back.error().message;
    EXPECT_EQ(*back, text);
  }
}

TEST(Gunzip, takes_zlib_wrapped_deflate_too) { EXPECT_EQ(*gunzip(zlib_deflate("hello hello"), 100), "hello hello"); }

TEST(Gunzip, members_in_a_row_are_one_text) { EXPECT_EQ(*gunzip(gzip("one ") + gzip("two"), 100), "one two"); }

TEST(Gunzip, a_text_of_exactly_the_limit_passes_and_one_byte_more_does_not) {
  const std::string packed = gzip(std::string(100'000, 'x'));
  EXPECT_TRUE(gunzip(packed, 100'000));
  EXPECT_EQ(gunzip(packed, 99'999).error().code, Errc::TooLarge);
  EXPECT_EQ(gunzip(packed, 0).error().code, Errc::TooLarge);
  EXPECT_TRUE(gunzip(gzip(""), 0));
}

TEST(Gunzip, every_truncation_is_malformed) {
  const std::string packed = gzip("a text that is long enough to have a few codes, a text that is long enough");
  for (size_t size = 0; size < packed.size(); ++size) {
    const auto back = gunzip(std::string_view(packed).substr(0, size), 1000);
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().code, Errc::Malformed) << size;
  }
}

TEST(Gunzip, garbage_before_and_after_is_malformed) {
  EXPECT_EQ(gunzip("not gzip at all", 100).error().code, Errc::Malformed);
  EXPECT_EQ(gunzip(gzip("x") + "tail", 100).error().code, Errc::Malformed);
}

TEST(Gunzip, any_flipped_byte_never_crashes) {
  const std::string packed = gzip(noise(500, 7) + std::string(500, 'y'));
  for (size_t i = 0; i < packed.size(); ++i) {
    std::string broken = packed;
    broken[i] = static_cast<char>(broken[i] ^ 0x55);
    (void)gunzip(broken, 10'000).has_value();
  }
}

TEST(Gunzip, a_bomb_is_refused_and_memory_stays_flat) {
  const std::string bomb = gzip_bomb(64 * 1024);  // 64 GiB
  const size_t before = resident_bytes_peak();
  const auto back = gunzip(bomb, 16 << 20);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Errc::TooLarge);
  EXPECT_LT(resident_bytes_peak(), before + (200 << 20));
}

TEST(Inflater, pieces_of_one_byte_give_the_same_text) {
  const std::string text = noise(3000, 3) + std::string(3000, 'z');
  Inflater inflater;
  inflater.reset(text.size());
  std::string out;
  for (const char byte : gzip(text)) ASSERT_TRUE(inflater.feed(std::string_view(&byte, 1), out));
  EXPECT_TRUE(inflater.finish());
  EXPECT_EQ(out, text);
}

TEST(Inflater, works_again_after_an_error) {
  Inflater inflater;
  std::string out;
  inflater.reset(10);
  EXPECT_FALSE(inflater.feed("garbage", out));
  inflater.reset(10);
  out.clear();
  EXPECT_TRUE(inflater.feed(gzip("fine"), out));
  EXPECT_EQ(out, "fine");
}

TEST(Inflater, stops_when_its_growth_is_refused) {
  Inflater inflater;
  inflater.reset(1 << 20);
  std::string out;
  const auto fed = inflater.feed(gzip(std::string(1 << 20, 'x')), out, [&](size_t) { return out.size() < 200'000; });
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::Overloaded);
  EXPECT_LT(out.size(), 300'000u);
}

}  // namespace
}  // namespace backstitch::net
