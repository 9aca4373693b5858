#include "store/embedded/embedded_format.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::store::embedded {
namespace {

SummaryRow a_row() {
  return {.end = {UINT64_MAX},
          .span_count = 3,
          .error_count = 1,
          .duration_min = model::Duration(INT64_MIN),
          .duration_max = model::Duration(INT64_MAX),
          .root_service = "cart",
          .root_operation = "",
          .services = {{"cart", 2, 1}, {"shop", 1, 0}},
          .operations = {1, 0x80000000, UINT32_MAX}};
}

FragmentId random_fragment_id(base::Random& random) {
  FragmentId id{.trace = {}, .covered_sequence = random.chance(0.5) ? random.below(3) : random.next()};
  id.trace.bytes[0] = static_cast<uint8_t>(random.below(2));
  id.trace.bytes[15] = static_cast<uint8_t>(random.next());
  return id;
}

TEST(EmbeddedFormatTest, keys_come_back) {
  base::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const FragmentId id = random_fragment_id(random);
    const auto from_trace = parse_trace_key(trace_key(id));
    ASSERT_TRUE(from_trace);
    EXPECT_EQ(from_trace->trace, id.trace);
    EXPECT_EQ(from_trace->covered_sequence, id.covered_sequence);
    const model::Timestamp start{random.next()};
    const auto from_summary = parse_summary_key(summary_key(start, id));
    ASSERT_TRUE(from_summary);
    EXPECT_EQ(from_summary->start, start);
    EXPECT_EQ(from_summary->id.trace, id.trace);
    EXPECT_EQ(from_summary->id.covered_sequence, id.covered_sequence);
    const auto from_sealed = parse_sealed_key(sealed_key(start, id));
    ASSERT_TRUE(from_sealed);
    EXPECT_EQ(from_sealed->sealed_at, start);
    EXPECT_EQ(from_sealed->id.trace, id.trace);
    EXPECT_EQ(from_sealed->id.covered_sequence, id.covered_sequence);
    EXPECT_EQ(decode_start(encode_start(start)), start);
    const FragmentTimes times{start, {random.next()}};
    EXPECT_EQ(decode_times(encode_times(times) + "frame"), times);
  }
}

TEST(EmbeddedFormatTest, trace_keys_order_by_id_then_the_furthest_covered) {
  base::Random random(2);
  for (int i = 0; i < 1000; ++i) {
    const FragmentId a = random_fragment_id(random);
    const FragmentId b = random_fragment_id(random);
    const bool is_before = std::tie(a.trace, b.covered_sequence) < std::tie(b.trace, a.covered_sequence);
    EXPECT_EQ(trace_key(a) < trace_key(b), is_before);
  }
}

TEST(EmbeddedFormatTest, summary_keys_order_by_the_latest_start_then_id) {
  base::Random random(3);
  for (int i = 0; i < 1000; ++i) {
    const FragmentId a = random_fragment_id(random);
    const FragmentId b = random_fragment_id(random);
    const model::Timestamp at{random.below(3)};
    const model::Timestamp bt{random.below(3)};
    const bool is_before = std::tie(bt, a.trace, b.covered_sequence) < std::tie(at, b.trace, a.covered_sequence);
    EXPECT_EQ(summary_key(at, a) < summary_key(bt, b), is_before);
    EXPECT_LT(summary_key_prefix(at), summary_key(at, a));
  }
}

TEST(EmbeddedFormatTest, sealed_keys_order_by_when_it_was_then_id_then_what_is_covered) {
  base::Random random(5);
  for (int i = 0; i < 1000; ++i) {
    const FragmentId a = random_fragment_id(random);
    const FragmentId b = random_fragment_id(random);
    const model::Timestamp at{random.below(3)};
    const model::Timestamp bt{random.below(3)};
    const bool is_before = std::tie(at, a.trace, a.covered_sequence) < std::tie(bt, b.trace, b.covered_sequence);
    EXPECT_EQ(sealed_key(at, a) < sealed_key(bt, b), is_before);
  }
}

TEST(EmbeddedFormatTest, times_of_another_size_are_corrupt) {
  for (const size_t size : {0, 7, 9}) EXPECT_FALSE(decode_start(std::string(size, 'x')));
  for (const size_t size : {0, 8, 15}) EXPECT_FALSE(decode_times(std::string(size, 'x')));
}

TEST(EmbeddedFormatTest, keys_of_another_size_are_corrupt) {
  for (const size_t size : {0, 23, 25}) EXPECT_FALSE(parse_trace_key(std::string(size, 'x')));
  for (const size_t size : {0, 8, 31, 33}) EXPECT_FALSE(parse_summary_key(std::string(size, 'x')));
  for (const size_t size : {0, 8, 31, 33}) EXPECT_FALSE(parse_sealed_key(std::string(size, 'x')));
}

TEST(EmbeddedFormatTest, a_summary_comes_back) {
  const auto back = decode_summary(encode_summary(a_row()));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, a_row());
}

TEST(EmbeddedFormatTest, no_truncation_of_a_summary_is_read) {
  const std::string whole = encode_summary(a_row());
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> exactly(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto row = decode_summary({exactly.data(), size});
    ASSERT_FALSE(row) << size;
    EXPECT_EQ(row.error().code, base::Errc::Corrupt);
  }
  EXPECT_FALSE(decode_summary(whole + "x"));
}

TEST(EmbeddedFormatTest, random_bytes_never_break_the_decoder) {
  base::Random random(4);
  const std::string whole = encode_summary(a_row());
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    (void)decode_summary(bytes);
  }
}

TEST(EmbeddedFormatTest, too_many_services_are_written_as_any) {
  SummaryRow row = a_row();
  for (size_t i = 0; i < SummaryRow::kServicesMax; ++i) row.services.push_back({"s", 1, 0});
  EXPECT_TRUE(decode_summary(encode_summary(row))->services.empty());
  row.services = {{std::string(SummaryRow::kServiceBytesMax + 1, 'x'), 1, 0}};
  EXPECT_TRUE(decode_summary(encode_summary(row))->services.empty());
}

TEST(EmbeddedFormatTest, too_many_operations_are_written_as_any) {
  SummaryRow row = a_row();
  row.operations.resize(SummaryRow::kOperationsMax + 1);
  EXPECT_TRUE(decode_summary(encode_summary(row))->operations.empty());
  row.operations.resize(SummaryRow::kOperationsMax);
  EXPECT_EQ(decode_summary(encode_summary(row))->operations.size(), SummaryRow::kOperationsMax);
}

TEST(EmbeddedFormatTest, long_root_names_are_cut) {
  SummaryRow row = a_row();
  row.root_operation = std::string(1000, 'x');
  EXPECT_EQ(decode_summary(encode_summary(row))->root_operation.size(), SummaryRow::kRootBytesMax);
}

TEST(EmbeddedFormatTest, numbers_of_every_length_come_back) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const uint64_t value : {uint64_t{1} << bits, (uint64_t{1} << bits) - 1, ~(uint64_t{1} << bits)}) {
      std::string bytes;
      put_varint(value, bytes);
      std::string_view rest = bytes;
      uint64_t back = 0;
      ASSERT_TRUE(take_varint(rest, back));
      EXPECT_EQ(back, value);
      EXPECT_TRUE(rest.empty());
    }
  }
}

TEST(EmbeddedFormatTest, a_number_that_does_not_end_is_refused) {
  std::string_view bytes = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  uint64_t value = 0;
  EXPECT_FALSE(take_varint(bytes, value));
}

}  // namespace
}  // namespace backstitch::store::embedded
