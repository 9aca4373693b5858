#include "model/ids.h"

#include <gtest/gtest.h>

namespace backstitch::model {
namespace {

constexpr std::string_view kHex = "4bf92f3577b34da6a3ce929d0e0e4736";

TEST(IdsTest, hex_comes_back_in_lower_case) {
  EXPECT_EQ(TraceId::from_hex(kHex)->to_hex(), kHex);
  EXPECT_EQ(TraceId::from_hex("4BF92F3577B34DA6A3CE929D0E0E4736")->to_hex(), kHex);
  EXPECT_EQ(SpanId::from_hex("00F067AA0BA902B7")->to_hex(), "00f067aa0ba902b7");
}

TEST(IdsTest, a_64_bit_trace_id_is_its_128_bit_twin_with_zeros_in_front) {
  const auto id = TraceId::from_hex("a3ce929d0e0e4736");
  EXPECT_EQ(id->to_hex(), "0000000000000000a3ce929d0e0e4736");
  EXPECT_EQ(id->low64(), TraceId::from_hex(kHex)->low64());
  EXPECT_EQ(id->high64(), 0u);
}

TEST(IdsTest, leading_zeros_may_be_left_out) {
  EXPECT_EQ(TraceId::from_hex("1")->low64(), 1u);
  EXPECT_EQ(TraceId::from_hex("123")->low64(), 0x123u);
  EXPECT_EQ(SpanId::from_hex("123")->as_number(), 0x123u);
}

TEST(IdsTest, numbers_are_big_endian) {
  const auto id = TraceId::from_hex("0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(id->high64(), 0x0102030405060708u);
  EXPECT_EQ(id->low64(), 0x090a0b0c0d0e0f10u);
  EXPECT_EQ(TraceId::from_bytes("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20"), *id);
}

TEST(IdsTest, what_is_no_id_is_refused) {
  for (const std::string_view hex :
       {"", "g", "0x1", " 1", "00000000000000000000000000000000", "0", "-1", "4bf92f3577b34da6a3ce929d0e0e47361"}) {
    const auto id = TraceId::from_hex(hex);
    ASSERT_FALSE(id) << hex;
    EXPECT_EQ(id.error().code, base::Errc::InvalidArgument) << hex;
  }
  for (const std::string_view hex : {"", "0000000000000000", "00f067aa0ba902b7a", "zz"}) {
    EXPECT_FALSE(SpanId::from_hex(hex)) << hex;
  }
}

TEST(IdsTest, all_zeros_is_no_id) {
  EXPECT_FALSE(TraceId().is_valid());
  EXPECT_FALSE(SpanId().is_valid());
  EXPECT_TRUE(TraceId::from_hex("10000000000000000000000000000000")->is_valid());
  EXPECT_TRUE(TraceId::from_hex("1")->is_valid());
}

}  // namespace
}  // namespace backstitch::model
