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

TEST(Utf8, each_byte_that_belongs_to_no_sequence_is_replaced) {
  const std::pair<std::string_view, int> broken[] = {{"\x80", 1},
                                                     {"\xc1\xbf", 2},
                                                     {"\xc3", 1},
                                                     {"\xe0\x9f\xbf", 3},
                                                     {"\xed\xa0\x80", 3},
                                                     {"\xf0\x8f\xbf\xbf", 4},
                                                     {"\xf4\x90\x80\x80", 4},
                                                     {"\xf5\x80\x80\x80", 4},
                                                     {"\xe2\x82", 2}};
  for (const auto& [text, replaced] : broken) {
    std::string expected = "a";
    for (int i = 0; i < replaced; ++i) expected += "\xef\xbf\xbd";
    EXPECT_EQ(clean("a" + std::string(text) + "b"), expected + "b");
  }
}

}  // namespace
}  // namespace backstitch::base
