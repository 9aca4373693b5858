// The cases of the W3C's own tests (github.com/w3c/baggage, test/test_baggage.py), named as there, and round trips.
#include "wire/context/baggage.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/context/baggage_propagator.h"
#include "wire/context/context_testing.h"

namespace backstitch::wire::context {
namespace {

using Members = std::vector<BaggageMember>;

ParsedBaggage parse(std::string_view line) { return parse_baggage(std::span(&line, 1)); }

Members members(std::string_view line) {
  const ParsedBaggage parsed = parse(line);
  EXPECT_EQ(parsed.malformed + parsed.dropped, 0u) << line;
  return {parsed.baggage.members().begin(), parsed.baggage.members().end()};
}

const Members kTwo = {{"SomeKey", "SomeValue", "SomeProp"}, {"SomeKey2", "SomeValue2", "ValueProp=PropVal"}};

struct Case {
  const char* suite_name;
  std::string line;
  Members members;
};

const Case kCases[] = {
    {"test_parse_simple", "SomeKey=SomeValue", {{"SomeKey", "SomeValue", ""}}},
    {"test_parse_multiple", "SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal", kTwo},
    {"test_parse_multiple_ows",
     "SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 \t ; \t ValueProp \t = \t PropVal",
     kTwo},
    {"test_parse_multiple_kv_property",
     "SomeKey=SomeValue;SomePropKey=SomePropValue,SomeKey2=SomeValue2;SomePropKey2=SomePropValue2",
     {{"SomeKey", "SomeValue", "SomePropKey=SomePropValue"},
      {"SomeKey2", "SomeValue2", "SomePropKey2=SomePropValue2"}}},
    {"test_parse_multiple_equals", "SomeKey=SomeValue=equals", {{"SomeKey", "SomeValue=equals", ""}}},
    {"test_parse_percent_encoded",
     "SomeKey=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29",
     {{"SomeKey", "\t \"';=asdf!@#$%^&*()", ""}}},
    {"test_parse_percent_encoded_ows",
     "SomeKey \t = \t %09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29 \t ",
     {{"SomeKey", "\t \"';=asdf!@#$%^&*()", ""}}},
    {"test_parse_multi_property",
     "SomeKey=SomeValue;SomeProp;SecondProp=PropValue",
     {{"SomeKey", "SomeValue", "SomeProp;SecondProp=PropValue"}}},
    {"test_parse_multi_property_ows",
     "SomeKey \t = \t SomeValue \t ; \t SomeProp \t ; \t SecondProp \t = \t PropValue",
     {{"SomeKey", "SomeValue", "SomeProp;SecondProp=PropValue"}}},
    {"(the recommendation's example)",
     "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue",
     {{"key1", "value1", "property1;property2"},
      {"key2", "value2", ""},
      {"key3", "value3", "propertyKey=propertyValue"}}},
    {"(an empty value)", "a=", {{"a", "", ""}}},
    {"(empty members and properties)", ",a=1;;p;, ,b=2,", {{"a", "1", "p"}, {"b", "2", ""}}},
    {"(a key that comes twice keeps both, in order)", "a=1,b=2,a=3", {{"a", "1", ""}, {"b", "2", ""}, {"a", "3", ""}}},
    {"(percent signs in a key are its own)", "a%20b=1", {{"a%20b", "1", ""}}},
    {"(a plus is a plus)", "a=1+1", {{"a", "1+1", ""}}},
    {"(a percent sign without digits is itself)",
     "a=50%,b=%2,c=%zz",
     {{"a", "50%", ""}, {"b", "%2", ""}, {"c", "%zz", ""}}},
    {"(what is no UTF-8 becomes U+FFFD)", "a=x%FFy%C3%A9", {{"a", "x\xef\xbf\xbdy\xc3\xa9", ""}}},
};

TEST(Baggage, cases_of_the_w3c_tests) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.suite_name);
    EXPECT_EQ(members(one.line), one.members);
    EXPECT_EQ(members(format_baggage(parse(one.line).baggage).header), one.members);
  }
}

TEST(Baggage, a_malformed_member_is_dropped_alone) {
  for (const char* bad : {"a", "=1", "a b=1", "k\xc3\xa9y=1", "a=\"1\"", "a=1 2", "a=\\", "a=\x01", "a=\xc3\xa9",
                          "a=1;b c", "a=1;=x", "a=1;p=\"", "(a)=1"}) {
    const ParsedBaggage parsed = parse(std::string("x=1,") + bad + ",y=2");
    EXPECT_EQ(parsed.malformed, 1u) << bad;
    ASSERT_EQ(parsed.baggage.members().size(), 2u) << bad;
    EXPECT_EQ(parsed.baggage.members()[1].key, "y");
  }
}

TEST(Baggage, several_lines_are_one_list) {
  const Headers headers{{"Baggage", "userId=alice"}, {"baggage", "serverNode=DF%2028,isProduction=false"}};
  const Extraction found = extract(BaggagePropagator(), headers);
  EXPECT_EQ(found.context.baggage.find("serverNode")->value, "DF 28");
  EXPECT_EQ(inject(BaggagePropagator(), found.context),
            (Headers{{"baggage", "userId=alice,serverNode=DF%2028,isProduction=false"}}));
}

TEST(Baggage, the_last_of_a_key_counts_and_setting_leaves_one) {
  Baggage baggage = parse("a=1,b=2,a=3").baggage;
  EXPECT_EQ(baggage.find("a")->value, "3");
  EXPECT_EQ(baggage.find("c"), nullptr);
  EXPECT_TRUE(baggage.set({.key = "a", .value = "4", .properties = "p ; q = 1"}));
  EXPECT_EQ(format_baggage(baggage).header, "b=2,a=4;p;q=1");
  EXPECT_FALSE(baggage.set({.key = "no token", .value = "", .properties = ""}));
  EXPECT_FALSE(baggage.set({.key = "a", .value = "", .properties = "p,injected=1"}));
  EXPECT_EQ(format_baggage(baggage).header, "b=2,a=4;p;q=1");
}

// test_serialize_at_least_64
TEST(Baggage, sixty_four_members_go_on_and_the_next_does_not) {
  std::string line;
  for (int i = 0; i < 65; ++i) line += "key" + std::to_string(i) + "=value,";
  const ParsedBaggage parsed = parse(line);
  EXPECT_EQ(parsed.baggage.members().size(), 64u);
  EXPECT_EQ(parsed.dropped, 1u);
  EXPECT_EQ(format_baggage(parsed.baggage).dropped, 0u);
}

// test_serialize_long_entry, and one byte more
TEST(Baggage, eight_kibibytes_go_on_and_one_byte_more_does_not) {
  const std::string value(8190, '0');
  EXPECT_EQ(format_baggage(parse("a=" + value).baggage).header.size(), 8192u);
  EXPECT_EQ(parse("a=0" + value).dropped, 1u);
  Baggage baggage;
  baggage.set({.key = "a", .value = value + "0", .properties = ""});
  baggage.set({.key = "b", .value = "fits", .properties = ""});
  const FormattedBaggage formatted = format_baggage(baggage);
  EXPECT_EQ(formatted.header, "b=fits");
  EXPECT_EQ(formatted.dropped, 1u);
}

// The limit is that of the header that goes out, where one raw byte may take nine.
TEST(Baggage, what_was_taken_in_always_fits_on_the_way_out) {
  std::string line = "a=";
  for (int i = 0; i < 1000; ++i) line += "%FF";
  EXPECT_EQ(parse(line).dropped, 1u);
}

TEST(Baggage, random_members_come_back_equal) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    base::Random random(seed);
    Baggage baggage;
    for (uint64_t i = random.below(8); i > 0; --i) {
      std::string value;
      for (uint64_t n = random.below(30); n > 0; --n) value += static_cast<char>(random.below(128));
      baggage.set({.key = "k" + std::to_string(random.below(20)), .value = value, .properties = ""});
    }
    const std::string header = format_baggage(baggage).header;
    EXPECT_EQ(parse(header).baggage, baggage) << "seed " << seed << ": " << header;
  }
}

}  // namespace
}  // namespace backstitch::wire::context
