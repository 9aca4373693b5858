#include "store/block/integer_page.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "base/random.h"
#include "store/block/bit_packing.h"
#include "store/block/bit_stream.h"
#include "store/block/context_page.h"
#include "store/block/integer_codecs.h"

namespace backstitch::store::block {
namespace {

using Values = std::vector<uint64_t>;

std::string encoded(const Values& values) {
  IntegerEncoder encoder;
  std::string page;
  encoder.encode(std::span<const uint64_t>(values), page);
  return page;
}

bool fits32(const Values& values) {
  return std::ranges::all_of(values, [](uint64_t value) { return value <= low_bits(32); });
}

// Any range of a page is what decoding all of it gives there.
void expect_ranges(const std::string& page, const Values& values) {
  base::Random random(values.size());
  for (int i = 0; i < 4; ++i) {
    const size_t first = random.below(values.size() + 1);
    const RowRange rows{first, random.below(values.size() - first + 1)};
    const auto expected = std::span(values).subspan(rows.first, rows.count);
    Values wide;
    ASSERT_TRUE(decode_integers(page, values.size(), rows, wide)) << rows.first << " " << rows.count;
    ASSERT_TRUE(std::ranges::equal(wide, expected)) << rows.first << " " << rows.count << " of " << values.size();
    if (!fits32(values)) continue;
    std::vector<uint32_t> narrow;
    ASSERT_TRUE(decode_integers32(page, values.size(), rows, narrow));
    ASSERT_TRUE(std::ranges::equal(narrow, expected)) << rows.first << " " << rows.count << " of " << values.size();
  }
}

void expect_decodes(const std::string& page, const Values& values) {
  expect_ranges(page, values);
  Values wide;
  ASSERT_TRUE(decode_integers(page, values.size(), wide));
  ASSERT_EQ(wide, values);
  std::vector<uint32_t> narrow;
  const auto decoded = decode_integers32(page, values.size(), narrow);
  ASSERT_EQ(decoded.has_value(), fits32(values));
  if (decoded) {
    ASSERT_TRUE(std::ranges::equal(narrow, values));
  }
  Values more;
  ASSERT_FALSE(decode_integers(page + '\0', values.size(), more));
}

double normal(base::Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.unit();
  return sum;
}

uint64_t log_normal(base::Random& random, double median, double sigma) {
  return static_cast<uint64_t>(median * std::exp(sigma * normal(random)));
}

Values made(size_t count, base::Random& random, auto&& next) {
  Values values(count);
  for (uint64_t& value : values) value = next(random);
  return values;
}

// One of many kinds of columns, by seed.
Values some_values(uint64_t seed) {
  base::Random random(seed);
  const size_t count = random.chance(0.3) ? random.below(12) : random.below(1200);
  const uint64_t base = random.next() >> random.below(64);
  const auto width = static_cast<unsigned>(random.below(65));
  uint64_t state = base;
  switch (seed % 10) {
    case 0:
      return made(count, random, [&](base::Random& r) { return r.next() & low_bits(width); });
    case 1:
      return made(count, random, [&](base::Random& r) { return base + (r.next() & low_bits(width)); });
    case 2:
      return made(count, random, [&](base::Random& r) { return state += r.below(100); });
    case 3:
      return made(count, random, [&](base::Random& r) { return r.chance(0.02) ? (state = r.next()) : state; });
    case 4:
      return made(count, random, [&](base::Random& r) { return log_normal(r, 4e6, 2); });
    case 5:
      return made(count, random, [&](base::Random& r) { return base % 1000 + 1000 * r.below(100'000); });
    case 6:
      return made(count, random, [&](base::Random& r) {
        return log_normal(r, 4000, 2) * (r.chance(0.3) ? 1'000'000 : r.chance(0.5) ? 1000 : 1);
      });
    case 7:
      return made(count, random, [&](base::Random& r) { return base * (1 + r.below(9)); });
    case 8:
      return made(count, random, [&](base::Random& r) { return r.next() >> r.below(64); });
    default:
      return made(count, random, [&](base::Random& r) { return r.chance(0.9) ? 0 : r.below(1 + (base & 0xffff)); });
  }
}

TEST(IntegerPage, comes_back_as_it_was) {
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const Values values = some_values(seed);
    expect_decodes(encoded(values), values);
    if (HasFatalFailure()) return;
  }
}

TEST(IntegerPage, one_encoder_takes_pages_of_any_kind) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    IntegerEncoder encoder;
    for (uint64_t page_number = 0; page_number < 40; ++page_number) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " page " << page_number);
      const Values values = some_values(seed * 1000 + page_number / 5 * 7 + (page_number % 5) * 10);
      std::string page;
      encoder.encode(std::span<const uint64_t>(values), page);
      expect_decodes(page, values);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(IntegerPage, no_truncation_passes) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Values values = some_values(seed);
    const std::string page = encoded(values);
    Values out;
    std::vector<uint32_t> narrow;
    for (size_t size = 0; size < page.size(); size += 1 + page.size() / 200) {
      EXPECT_FALSE(decode_integers(page.substr(0, size), values.size(), out)) << "seed " << seed << " size " << size;
      EXPECT_FALSE(decode_integers32(page.substr(0, size), values.size(), narrow)) << "seed " << seed;
    }
  }
}

TEST(IntegerPage, a_flipped_byte_is_an_error_or_another_value) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    base::Random random(seed);
    const Values values = some_values(seed);
    const std::string page = encoded(values);
    Values out;
    std::vector<uint32_t> narrow;
    for (size_t at = 0; at < page.size(); at += 1 + page.size() / 200) {
      std::string flipped = page;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 + random.below(255)));
      const auto decoded = decode_integers(flipped, values.size(), out);
      if (!decoded) {
        EXPECT_EQ(decoded.error().code, base::Errc::Corrupt);
      }
      EXPECT_EQ(out.size(), values.size());
      (void)decode_integers32(flipped, values.size(), narrow).has_value();
    }
  }
}

TEST(IntegerPage, another_count_is_corrupt_unless_the_page_is_a_constant) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Values values = some_values(seed);
    const std::string page = encoded(values);
    Values out;
    if (values.empty() || constant_of(page)) continue;
    EXPECT_FALSE(decode_integers(page, 0, out));
    EXPECT_FALSE(decode_integers(page, kPageValuesMax + 1, out));
  }
}

TEST(IntegerPage, constants_are_known_without_decoding) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{200}, ~uint64_t{0}}) {
    const std::string page = encoded(Values(4096, value));
    EXPECT_LE(page.size(), 12);
    EXPECT_EQ(constant_of(page), value);
  }
  EXPECT_EQ(constant_of(encoded({1, 2})), std::nullopt);
  EXPECT_EQ(constant_of(""), std::nullopt);
}

TEST(IntegerPage, each_width_packs_and_unpacks) {
  base::Random random(1);
  for (unsigned width = 0; width <= 64; ++width) {
    for (const size_t count : {1, 31, 127, 128, 129, 300}) {
      const uint64_t base = random.next();
      const Values values = made(count, random, [&](base::Random& r) { return base + (r.next() & low_bits(width)); });
      std::string packed;
      pack(values, base, width, packed);
      EXPECT_EQ(packed.size(), packed_size(count, width));
      Values out(count);
      unpack(packed, width, base, std::span(out));
      EXPECT_EQ(out, values) << width << " bits, " << count;
      if (width > 32) continue;
      std::vector<uint32_t> narrow(count);
      unpack(packed, width, static_cast<uint32_t>(base), std::span(narrow));
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(narrow[i], static_cast<uint32_t>(values[i]));
    }
  }
}

TEST(IntegerPage, durations_are_near_their_entropy) {
  base::Random random(7);
  const Values values = made(4096, random, [](base::Random& r) { return log_normal(r, 3.2e6, 1.8); });
  double bits = 0;
  std::array<double, 65> counts{};
  for (const uint64_t value : values) {
    const auto length = static_cast<size_t>(std::bit_width(value));
    ++counts[length];
    bits += length > 0 ? static_cast<double>(length - 1) : 0;
  }
  for (const double count : counts) {
    if (count > 0) bits += count * std::log2(4096 / count);
  }
  EXPECT_LE(static_cast<double>(encoded(values).size()), bits / 8 * 1.04);
}

TEST(IntegerPage, a_clock_of_microseconds_costs_no_nanoseconds) {
  base::Random random(7);
  const Values micros = made(4096, random, [](base::Random& r) { return log_normal(r, 3200, 1.8); });
  Values nanos = micros;
  for (uint64_t& value : nanos) value *= 1000;
  EXPECT_LE(encoded(nanos).size(), encoded(micros).size() + 16);
}

TEST(IntegerPage, clocks_that_tick_differently_share_a_page) {
  base::Random random(7);
  Values values = made(4096, random, [](base::Random& r) { return log_normal(r, 3200, 1.8); });
  const size_t micros = encoded(values).size();
  for (uint64_t& value : values) value *= random.chance(0.5) ? 1000 : 1'000'000;
  EXPECT_LE(encoded(values).size(), micros + 4096 / 4);
}

TEST(IntegerPage, rising_values_cost_their_steps) {
  base::Random random(3);
  uint64_t now = 1'770'000'000'000'000'000;
  const Values values = made(4096, random, [&](base::Random& r) { return now += r.below(256); });
  EXPECT_LE(encoded(values).size(), 4096 * 9 / 8 + 64);
}

TEST(IntegerPage, zigzag_comes_back) {
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{1}, INT64_MIN, INT64_MAX}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
  EXPECT_EQ(zigzag(-1), 1);
  EXPECT_EQ(zigzag(1), 2);
}

TEST(IntegerPage, ranges_are_those_of_the_values) {
  EXPECT_EQ(range_of(Values{5, 3, 9}), (IntegerRange{3, 9}));
  EXPECT_GT(range_of(Values{}).min, range_of(Values{}).max);
}

TEST(RawPage, ids_are_read_in_place) {
  const Values ids = {7, ~uint64_t{0}, 9};
  std::string page;
  encode_raw_ids(ids, page);
  EXPECT_EQ(page.size(), 24);
  const auto raw = RawPage::open(page, 3);
  ASSERT_TRUE(raw);
  EXPECT_EQ((*raw)[1], ~uint64_t{0});
  EXPECT_EQ(raw->find(9), 2);
  EXPECT_EQ(raw->find(7, 1), std::nullopt);
  EXPECT_FALSE(RawPage::open(page, 2));
  EXPECT_FALSE(RawPage::open(page, size_t{1} << 61 | 3));
}

struct Related {
  std::vector<uint32_t> codes;
  std::vector<uint32_t> contexts;
};

Related some_related(uint64_t seed) {
  base::Random random(seed);
  Related made;
  const size_t count = random.below(1500);
  const uint64_t contexts = 1 + random.below(200);
  const uint64_t spread = 1 + random.below(seed % 3 == 0 ? 1 : seed % 3 == 1 ? 5 : 100);
  const uint64_t scale = random.chance(0.5) ? 1 : 10'000'019;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t context = random.below(contexts);
    made.contexts.push_back(static_cast<uint32_t>(context * scale));
    made.codes.push_back(static_cast<uint32_t>(context * 1000 + random.below(spread)));
  }
  return made;
}

TEST(ContextPage, comes_back_as_it_was) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Related related = some_related(seed);
    ContextEncoder encoder;
    std::string page;
    encoder.encode(related.codes, related.contexts, page);
    std::vector<uint32_t> out;
    ASSERT_TRUE(decode_in_context(page, related.contexts, out)) << "seed " << seed;
    ASSERT_EQ(out, related.codes) << "seed " << seed;
  }
}

// Owners of which some have a row: a class is a context, or has none.
TEST(ContextPage, some_rows_are_what_all_rows_are_there) {
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Related related = some_related(seed);
    base::Random random(seed);
    std::vector<uint32_t> of_owners;  // the class of each: its context's number, or the one behind the last
    std::vector<size_t> rows_before = {0};
    const NumberedContexts numbered(related.contexts);
    const auto rowless = static_cast<uint32_t>(numbered.sizes().size());
    for (size_t row = 0; row < related.codes.size();) {
      const bool has_row = random.chance(0.7);
      of_owners.push_back(has_row ? numbered.rows()[row] : rowless);
      row += has_row ? 1 : 0;
      rows_before.push_back(row);
    }
    std::vector<std::vector<uint32_t>> owners(rowless);
    for (uint32_t owner = 0; owner < of_owners.size(); ++owner) {
      for (uint32_t context = 0; context < rowless; ++context) {
        const bool is_listed_without_row = of_owners[owner] == rowless && context % 3 == 1;
        if (of_owners[owner] == context || is_listed_without_row) owners[context].push_back(owner);
      }
    }
    SomeContexts contexts;
    contexts.of_owners = of_owners;
    contexts.row_count = related.codes.size();
    for (uint32_t context = 0; context < rowless; ++context) {
      contexts.contexts.push_back({numbered.sizes()[context], owners[context]});
      contexts.of_classes.push_back(context);
    }
    contexts.of_classes.push_back(SomeContexts::kNoRow);
    ContextEncoder encoder;
    std::string page;
    encoder.encode(related.codes, related.contexts, page);
    for (int i = 0; i < 4 && !of_owners.empty(); ++i) {
      const size_t first = random.below(of_owners.size());
      const RowRange some{first, random.below(of_owners.size() - first + 1)};
      const auto got = decode_in_context(page, contexts, some, i % 2 == 0);
      ASSERT_TRUE(got) << "seed " << seed << ": " << got.error().message;
      const auto begin = related.codes.begin() + static_cast<ptrdiff_t>(rows_before[some.first]);
      const auto end = related.codes.begin() + static_cast<ptrdiff_t>(rows_before[some.end()]);
      ASSERT_EQ(got->codes, std::vector<uint32_t>(begin, end)) << "seed " << seed;
      if (i % 2 == 0) {
        ASSERT_EQ(got->zeros_before, static_cast<uint32_t>(std::count(related.codes.begin(), begin, 0U)));
      }
    }
  }
}

TEST(ContextPage, codes_that_their_context_tells_cost_nothing) {
  Related related;
  base::Random random(1);
  for (int i = 0; i < 4096; ++i) {
    related.contexts.push_back(static_cast<uint32_t>(random.below(50)));
    related.codes.push_back(related.contexts.back() / 3 + 7);
  }
  ContextEncoder encoder;
  std::string page;
  encoder.encode(related.codes, related.contexts, page);
  EXPECT_LE(page.size(), 60);
}

TEST(ContextPage, damage_is_an_error_or_another_value) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    base::Random random(seed);
    const Related related = some_related(seed);
    ContextEncoder encoder;
    std::string page;
    encoder.encode(related.codes, related.contexts, page);
    std::vector<uint32_t> out;
    for (size_t at = 0; at < page.size(); at += 1 + page.size() / 100) {
      EXPECT_FALSE(decode_in_context(page.substr(0, at), related.contexts, out));
      std::string flipped = page;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 + random.below(255)));
      (void)decode_in_context(flipped, related.contexts, out).has_value();
    }
  }
}

}  // namespace
}  // namespace backstitch::store::block
