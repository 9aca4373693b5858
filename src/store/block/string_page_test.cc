#include "store/block/string_page.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "store/block/string_template.h"

namespace backstitch::store::block {
namespace {

using Texts = std::vector<std::string>;

std::vector<std::string_view> views_of(const Texts& texts) { return {texts.begin(), texts.end()}; }

std::string encoded(const Texts& texts) {
  StringEncoder encoder;
  std::string page;
  encoder.encode(views_of(texts), page);
  return page;
}

// Any of a page's strings are what decoding all of them gives there.
void expect_picks(const std::string& page, const Texts& texts) {
  base::Random random(texts.size());
  for (const uint64_t every : {1, 3, 50}) {
    std::vector<uint32_t> picks;
    Texts expected;
    for (uint32_t i = 0; i < texts.size(); ++i) {
      if (random.below(every) != 0) continue;
      picks.push_back(i);
      expected.push_back(texts[i]);
    }
    std::string storage;
    std::vector<std::string_view> out;
    const auto picked = pick_strings(page, texts.size(), picks, storage, out);
    ASSERT_TRUE(picked) << picked.error().message;
    ASSERT_TRUE(std::ranges::equal(out, expected)) << "one of " << every;
  }
}

void expect_decodes(const std::string& page, const Texts& texts) {
  expect_picks(page, texts);
  std::string storage;
  std::vector<std::string_view> out;
  const auto decoded = decode_strings(page, texts.size(), storage, out);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_TRUE(std::ranges::equal(out, texts));
  ASSERT_FALSE(decode_strings(page + '\0', texts.size(), storage, out));
}

void expect_comes_back(const Texts& texts) { expect_decodes(encoded(texts), texts); }

std::string uuid(base::Random& random, bool is_upper = false) {
  std::string text = fmt::format("{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}", random.next() >> 32, random.next() >> 48,
                                 random.next() >> 52, random.next() >> 52, random.next() >> 16);
  if (is_upper) std::ranges::transform(text, text.begin(), [](char c) { return std::toupper(c); });
  return text;
}

Texts made(size_t count, base::Random& random, auto&& next) {
  Texts texts(count);
  for (std::string& text : texts) text = next(random);
  return texts;
}

std::string any_bytes(base::Random& random, size_t size_max, uint64_t alphabet) {
  std::string text(random.below(size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>(random.below(alphabet));
  return text;
}

// Like the inputs of a tokenizer's worst day.
std::string nasty(base::Random& random) {
  static constexpr std::string_view kPieces[] = {"",
                                                 "0",
                                                 "007",
                                                 "+5",
                                                 "-1",
                                                 "/api/",
                                                 "18446744073709551615",
                                                 "18446744073709551616",
                                                 "9999999999999999999",
                                                 "a1",
                                                 "1a",
                                                 "\1",
                                                 "\6",
                                                 "\2",
                                                 "abc123def456",
                                                 "ABCDEF0123456789",
                                                 "abcDEF0123456789",
                                                 "deadbeef",
                                                 "123e4567-e89b-12d3-a456-426614174000",
                                                 "123E4567-E89B-12D3-A456-426614174000",
                                                 "123e4567-E89B-12d3-a456-426614174000",
                                                 "123e4567-e89b-12d3-a456-4266141740001",
                                                 "00000000-0000-0000-0000-000000000000",
                                                 "\xff\xfe",
                                                 ".",
                                                 "-",
                                                 "x9y8z7w6",
                                                 "00000000000000000000000000",
                                                 "id=",
                                                 " "};
  std::string text;
  for (uint64_t pieces = random.below(5); pieces > 0; --pieces) text += kPieces[random.below(std::size(kPieces))];
  return text;
}

// One of many kinds of columns, by seed.
Texts some_texts(uint64_t seed) {
  base::Random random(seed);
  const size_t count = random.chance(0.3) ? random.below(10) : random.below(400);
  switch (seed % 12) {
    case 0:
      return made(count, random, [](base::Random& r) { return uuid(r, r.chance(0.1)); });
    case 1:
      return made(count, random, [](base::Random& r) { return any_bytes(r, 20, 256); });
    case 2:
      return made(count, random, [](base::Random& r) { return any_bytes(r, 12, 9); });
    case 3:
      return made(count, random, [](base::Random& r) { return std::to_string(r.next() >> r.below(64)); });
    case 4:
      return made(count, random, [](base::Random& r) {
        return fmt::format("/api/products/{}/reviews?page={}", r.below(100'000), r.below(9));
      });
    case 5:
      return made(count, random, [](base::Random& r) {
        return fmt::format("10.{}.{}.{}:{}", r.below(256), r.below(256), r.below(256), r.below(65536));
      });
    case 6:
      return made(count, random, [](base::Random& r) { return fmt::format("{:0{}x}", r.next(), 16); });
    case 7:
      return made(count, random, [](base::Random& r) {
        return fmt::format("2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", 1 + r.below(12), 1 + r.below(28), r.below(24),
                           r.below(60), r.below(60), r.below(1000));
      });
    case 8:
      return made(count, random, [](base::Random& r) {
        const std::string id = uuid(r);
        return r.chance(0.5) ? fmt::format("GET session:{}", id) : fmt::format("user-{:03}", r.below(2000));
      });
    case 9:
      return made(count, random,
                  [](base::Random& r) { return std::string(r.below(3000), 'x') + any_bytes(r, 9, 256); });
    default:
      return made(count, random, [](base::Random& r) { return nasty(r); });
  }
}

TEST(StringPage, comes_back_as_it_was) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    expect_comes_back(some_texts(seed));
    if (HasFatalFailure()) return;
  }
}

TEST(StringPage, one_encoder_takes_pages_of_any_kind) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    StringEncoder encoder;
    for (uint64_t number = 0; number < 30; ++number) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " page " << number);
      const Texts texts = some_texts(seed * 997 + number / 4 * 5 + (number % 4) * 12);
      std::string page;
      encoder.encode(views_of(texts), page);
      expect_decodes(page, texts);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(StringPage, what_looks_like_a_number_stays_text) {
  for (const char* odd : {"007", "+5", "-5", "", "18446744073709551616", "99999999999999999999", "1e5", " 1", "0x10"}) {
    Texts texts;
    for (int i = 0; i < 64; ++i) texts.push_back(std::to_string(i * 37));
    texts[17] = odd;
    expect_comes_back(texts);
    expect_comes_back(Texts(64, odd));
  }
}

TEST(StringPage, no_truncation_passes) {
  for (uint64_t seed = 0; seed < 240; ++seed) {
    const Texts texts = some_texts(seed);
    const std::string page = encoded(texts);
    std::string storage;
    std::vector<std::string_view> out;
    for (size_t size = 0; size < page.size(); size += 1 + page.size() / 200) {
      EXPECT_FALSE(decode_strings(page.substr(0, size), texts.size(), storage, out))
          << "seed " << seed << " at " << size;
    }
  }
}

TEST(StringPage, a_flipped_byte_is_an_error_or_another_value) {
  for (uint64_t seed = 0; seed < 240; ++seed) {
    base::Random random(seed);
    const Texts texts = some_texts(seed);
    const std::string page = encoded(texts);
    std::string storage;
    std::vector<std::string_view> out;
    for (size_t at = 0; at < page.size(); at += 1 + page.size() / 200) {
      std::string flipped = page;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 + random.below(255)));
      const auto decoded = decode_strings(flipped, texts.size(), storage, out);
      if (decoded) {
        EXPECT_EQ(out.size(), texts.size());
      } else {
        EXPECT_EQ(decoded.error().code, base::Errc::Corrupt);
      }
      (void)find_string(flipped, texts.size(), "10.0.0.1:80").has_value();
    }
  }
}

TEST(StringPage, finds_what_a_search_of_all_strings_finds) {
  for (uint64_t seed = 0; seed < 600; ++seed) {
    base::Random random(seed);
    const Texts texts = some_texts(seed);
    const Texts others = some_texts(seed + 12);
    const std::string page = encoded(texts);
    for (int i = 0; i < 20; ++i) {
      const Texts& from = random.chance(0.7) ? texts : others;
      if (from.empty()) continue;
      const std::string& needle = from[random.below(from.size())];
      const auto at = std::ranges::find(texts, needle);
      const auto found = find_string(page, texts.size(), needle);
      ASSERT_TRUE(found) << "seed " << seed;
      ASSERT_EQ(found->has_value(), at != texts.end()) << "seed " << seed << " " << needle;
      if (*found) {
        ASSERT_EQ(**found, static_cast<size_t>(at - texts.begin()));
      }
    }
  }
}

TEST(StringPage, uuids_take_sixteen_bytes) {
  base::Random random(1);
  EXPECT_LE(encoded(made(1000, random, [](base::Random& r) { return uuid(r); })).size(), 16'100);
  EXPECT_LE(encoded(made(1000, random, [](base::Random& r) { return uuid(r, true); })).size(), 16'100);
  const Texts prefixed = made(1000, random, [](base::Random& r) { return "HGETALL session:" + uuid(r) + " 86400"; });
  EXPECT_LE(encoded(prefixed).size(), 16'150);
}

TEST(StringPage, uuids_of_version_4_take_122_bits) {
  base::Random random(1);
  const Texts texts = made(1000, random, [](base::Random& r) { return uuid(r); });
  EXPECT_LE(encoded(texts).size(), 1000 * 122 / 8 + 30);
  Texts one_differs = texts;
  one_differs[500][14] = '7';
  expect_comes_back(one_differs);
  EXPECT_EQ(find_string(encoded(texts), 1000, texts[777]), 777);
  EXPECT_EQ(find_string(encoded(texts), 1000, one_differs[500]), std::nullopt);
  EXPECT_EQ(find_string(encoded(one_differs), 1000, one_differs[500]), 500);
}

TEST(StringPage, hex_takes_half) {
  base::Random random(1);
  const Texts ids = made(1000, random, [](base::Random& r) { return fmt::format("{:016x}", r.next()); });
  EXPECT_LE(encoded(ids).size(), 8'150);
}

TEST(StringPage, numbers_take_their_bits) {
  base::Random random(1);
  const Texts numbers = made(1000, random, [](base::Random& r) { return std::to_string(r.below(1'000'000)); });
  EXPECT_LE(encoded(numbers).size(), 1000 * 20 / 8 + 40);
  const Texts users = made(1000, random, [](base::Random& r) { return fmt::format("user-{}", r.below(65'536)); });
  EXPECT_LE(encoded(users).size(), 2'050);
}

TEST(StringPage, urls_take_what_differs) {
  base::Random random(1);
  const Texts urls = made(1000, random, [](base::Random& r) {
    const uint64_t id = r.below(65'536);
    return r.chance(0.5) ? fmt::format("https://shop.example/api/products/{}/reviews?page={}", id, r.below(4))
                         : fmt::format("https://shop.example/cart/{}", id);
  });
  EXPECT_LE(encoded(urls).size(), 2000 + 125 + 125 + 200);
}

TEST(StringPage, content_is_bounded) {
  // Lengths that add up to more than the limit, and one repeated byte.
  std::string page("\0", 1);
  std::string lengths;
  IntegerEncoder encoder;
  encoder.encode(std::span<const uint64_t>(std::vector<uint64_t>(1000, uint64_t{1} << 31)), lengths);
  page += static_cast<char>(lengths.size());
  page += lengths;
  page += std::string("\1x", 2);
  std::string storage;
  std::vector<std::string_view> out;
  const auto decoded = decode_strings(page, 1000, storage, out);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "page: more bytes of strings than the limit");
}

std::string shape(std::string_view value) {
  std::string text;
  std::vector<std::string_view> holes;
  if (!cut(value, text, holes)) return "uncut";
  for (char& c : text) {
    if (c > 0 && c <= kHoleKindMax) c = "#hHuUt"[c - 1];
  }
  return text;
}

TEST(StringTemplate, holes_are_numbers_ids_and_mixed_words) {
  EXPECT_EQ(shape("/api/products/83712/reviews?page=3"), "/api/products/#/reviews?page=#");
  EXPECT_EQ(shape("10.3.17.5:51234"), "#.#.#.#:#");
  EXPECT_EQ(shape("2026-01-05T07:03:09Z"), "#-#-#T#:#:#Z");
  EXPECT_EQ(shape("session:123e4567-e89b-12d3-a456-426614174000"), "session:u");
  EXPECT_EQ(shape("123E4567-E89B-12D3-A456-42661417400A"), "U");
  EXPECT_EQ(shape("trace 4bf92f3577b34da6"), "trace h\x10");
  EXPECT_EQ(shape("4BF92F3577B34DA6"), "H\x10");
  EXPECT_EQ(shape("q=aZ3k9QxT71b"), "q=t");
  EXPECT_EQ(shape("12345678901234567890"), "t");
  EXPECT_EQ(shape("GET /checkout"), "uncut");
  EXPECT_EQ(shape("\x01 7"), "uncut");
  EXPECT_EQ(shape(""), "uncut");
}

TEST(StringTemplate, a_cut_string_matches_its_own_template) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    base::Random random(seed);
    const std::string value = nasty(random);
    std::string text;
    std::vector<std::string_view> holes;
    if (!cut(value, text, holes)) continue;
    const auto parsed = Template::parse(text);
    ASSERT_TRUE(parsed) << value;
    const auto matched = parsed->match(value);
    ASSERT_TRUE(matched) << value;
    ASSERT_EQ(*matched, holes) << value;
  }
}

TEST(StringTemplate, holes_never_run_together) {
  for (const char* text : {"\1\1",
                           "\1"
                           "5",
                           "\6x", "\6\1", "\2", "\1\4"}) {
    EXPECT_FALSE(Template::parse(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace backstitch::store::block
