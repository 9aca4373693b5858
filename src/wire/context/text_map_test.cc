#include "wire/context/text_map.h"

#include <gtest/gtest.h>
#include <map>
#include <string>

#include "wire/context/context_testing.h"

namespace backstitch::wire::context {
namespace {

// As grpc::string_ref: no string_view, but data() and size().
struct ForeignText {
  const char* text;
  const char* data() const { return text; }
  size_t size() const { return std::string_view(text).size(); }
};

TEST(TextMap, values_are_found_whatever_the_case_in_the_carriers_order) {
  const Headers headers{{"Baggage", "a=1"}, {"other", "x"}, {"BAGGAGE", "b=2"}, {"baggages", "c=3"}};
  const FieldsGetter getter(headers);
  std::array<std::string_view, 4> values;
  ASSERT_EQ(getter.get_all("baggage", values), 2u);
  EXPECT_EQ(values[0], "a=1");
  EXPECT_EQ(values[1], "b=2");
}

TEST(TextMap, more_values_than_fit_are_counted_all_the_same) {
  const Headers headers{{"a", "1"}, {"a", "2"}, {"a", "3"}};
  std::array<std::string_view, 1> values;
  EXPECT_EQ(FieldsGetter(headers).get_all("a", values), 3u);
  EXPECT_EQ(values[0], "1");
}

TEST(TextMap, maps_and_foreign_texts_are_carriers_too) {
  const std::multimap<ForeignText, ForeignText, decltype([](const auto& a, const auto& b) {
                        return std::string_view(a.text) < std::string_view(b.text);
                      })>
      metadata{{{"x-b3-traceid"}, {"1"}}, {{"X-B3-SpanId"}, {"2"}}};
  std::array<TextMapField, 4> fields;
  ASSERT_EQ(FieldsGetter(metadata).get_prefixed("x-b3-", fields), 2u);
  EXPECT_EQ(fields[0].name, "X-B3-SpanId");
  EXPECT_EQ(fields[1].value, "1");
}

TEST(TextMap, setting_replaces_a_field_of_any_case) {
  Headers headers{{"TraceParent", "old"}, {"host", "cart"}, {"traceparent", "older"}};
  FieldsSetter setter(headers);
  setter.set("traceparent", "new");
  EXPECT_EQ(headers, (Headers{{"host", "cart"}, {"traceparent", "new"}}));

  std::map<std::string, std::string> map{{"TraceParent", "old"}};
  FieldsSetter map_setter(map);
  map_setter.set("traceparent", "new");
  EXPECT_EQ(map, (std::map<std::string, std::string>{{"traceparent", "new"}}));
}

TEST(TextMap, many_lines_of_a_field_are_read_up_to_a_limit) {
  Headers headers;
  for (size_t i = 0; i < FieldLines::kLinesMax; ++i) headers.emplace_back("a", std::to_string(i));
  const FieldLines all(FieldsGetter<Headers>(headers), "a");
  ASSERT_EQ(all.lines().size(), FieldLines::kLinesMax);
  EXPECT_EQ(all.lines().back(), "127");
  headers.emplace_back("a", "one too many");
  const FieldLines flood(FieldsGetter<Headers>(headers), "a");
  EXPECT_TRUE(flood.is_flood());
  EXPECT_TRUE(flood.lines().empty());
}

TEST(TextMap, equal_copies_of_a_single_field_are_one_and_different_ones_ambiguous) {
  std::string_view value;
  EXPECT_EQ(get_single(FieldsGetter(Headers{}), "a", value), Single::Absent);
  EXPECT_EQ(get_single(FieldsGetter(Headers{{"a", "1"}, {"A", " 1\t"}}), "a", value), Single::Found);
  EXPECT_EQ(get_single(FieldsGetter(Headers{{"a", "1"}, {"A", "2"}}), "a", value), Single::Ambiguous);
  EXPECT_EQ(get_single(FieldsGetter(Headers(5, {"a", "1"})), "a", value), Single::Ambiguous);
}

}  // namespace
}  // namespace backstitch::wire::context
