#include "model/value.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace backstitch::model {
namespace {

TEST(ValueTest, scalars_are_shown_in_their_shortest_form) {
  EXPECT_EQ(to_text("a \"b\""), "a \"b\"");
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(false), "false");
  EXPECT_EQ(to_text(500), "500");
  EXPECT_EQ(to_text(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(to_text(1.5), "1.5");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(500.0), "500");
  EXPECT_EQ(to_text(1e300), "1e+300");
  EXPECT_EQ(to_text(Value()), "");
}

TEST(ValueTest, doubles_without_a_number_are_shown_as_json_names_them) {
  EXPECT_EQ(to_text(std::nan("")), "NaN");
  EXPECT_EQ(to_text(HUGE_VAL), "Infinity");
  EXPECT_EQ(to_text(-HUGE_VAL), "-Infinity");
}

TEST(ValueTest, bytes_are_shown_as_base64) { EXPECT_EQ(to_text(Bytes{"\xff\xfe"}), "//4="); }

TEST(ValueTest, lists_are_shown_as_json) {
  EXPECT_EQ(to_text(Array{{1, "two", true, 1.5, Value(), Bytes{"x"}, Array{}}}),
            R"([1,"two",true,1.5,null,"eA==",[]])");
  EXPECT_EQ(to_text(KeyValues{{{"a", 1}, {"a", KeyValues{{{"b", "c"}}}}}}), R"({"a":1,"a":{"b":"c"}})");
}

TEST(ValueTest, what_json_has_no_number_for_is_quoted_inside_lists) {
  EXPECT_EQ(to_text(Array{{std::nan(""), HUGE_VAL, -HUGE_VAL}}), R"(["NaN","Infinity","-Infinity"])");
}

TEST(ValueTest, text_inside_lists_is_escaped) {
  EXPECT_EQ(to_text(Array{{"q\" b\\ n\n \x01 \xff"}}), "[\"q\\\" b\\\\ n\\u000a \\u0001 \xff\"]");
}

TEST(ValueTest, the_first_of_repeated_keys_is_found) {
  const Attributes attributes = {{"a", 1}, {"b", 2}, {"a", 3}};
  EXPECT_EQ(*find(attributes, "a"), Value(1));
  EXPECT_EQ(find(attributes, "c"), nullptr);
  EXPECT_EQ(find(attributes, ""), nullptr);
}

TEST(ValueTest, values_of_different_kinds_differ) {
  const Value values[] = {Value(), "1", true, 1, 1.0, Bytes{"1"}, Array{}, KeyValues{}};
  for (const Value& one : values) {
    for (const Value& other : values) EXPECT_EQ(one == other, &one == &other);
  }
}

}  // namespace
}  // namespace backstitch::model
