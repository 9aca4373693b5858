// What is UTF-8 and what is not: the table of Unicode 15, 3-7, at its edges.
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace backstitch::base {
namespace {

std::string clean(std::string_view text) {
  std::string out;
  append_utf8(text, out);
  return out;
}

TEST(Utf8, whole_sequences_pass_unchanged) {
  for (const char* text : {"", "plain", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z"}) {
    EXPECT_EQ(clean(text), text);
  }
}

// The number of replacement characters is that of maximal subparts: Unicode 15, table 3-8, has some of these.
TEST(Utf8, each_maximal_part_that_is_wrong_is_replaced_once) {
  const std::pair<std::string_view, int> broken[] = {{"\x80", 1},
                                                     {"\xc1\xbf", 2},
                                                     {"\xc3", 1},
                                                     {"\xe0\x9f\xbf", 3},
                                                     {"\xed\xa0\x80", 3},
                                                     {"\xf0\x8f\xbf\xbf", 4},
                                                     {"\xf4\x90\x80\x80", 4},
                                                     {"\xf5\x80\x80\x80", 4},
                                                     {"\xe2\x82", 1},
                                                     {"\xf0\x9f\x98", 1},
                                                     {"\xf1\x80\x80\xe1\x80\xc2", 3}};
  for (const auto& [text, replaced] : broken) {
    std::string expected = "a";
    for (int i = 0; i < replaced; ++i) expected += "\xef\xbf\xbd";
    EXPECT_EQ(clean("a" + std::string(text) + "b"), expected + "b");
    EXPECT_FALSE(is_utf8(text));
    EXPECT_TRUE(is_utf8(expected));
  }
}

TEST(Utf8, a_code_point_comes_back) {
  for (const uint32_t code : {0u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xffffu, 0x10000u, 0x10ffffu}) {
    std::string text;
    append_code_point(code, text);
    const Utf8Step step = utf8_step(text);
    EXPECT_TRUE(step.is_valid);
    EXPECT_EQ(step.size, text.size());
    EXPECT_EQ(step.code_point, code);
  }
}

TEST(Utf8, no_character_is_cut) {
  EXPECT_EQ(first_characters("a\xc3\xa9z", 2), "a");
  EXPECT_EQ(first_characters("a\xc3\xa9z", 3), "a\xc3\xa9");
  EXPECT_EQ(first_characters("\xf0\x9f\x98\x80", 3), "");
  EXPECT_EQ(first_characters("abc", 9), "abc");
}

}  // namespace
}  // namespace backstitch::base
