#include "traceql/filter.h"

#include <cmath>
#include <gtest/gtest.h>

namespace backstitch::traceql {
namespace {

using model::Value;

// Two spans: a server span of cart that failed, and a client span of shop below it.
model::Trace a_trace() {
  model::Trace trace;
  trace.resources = {{.attributes = {{"service.name", "cart"}, {"host", "h1"}}},
                     {.attributes = {{"service.name", "shop"}}}};
  trace.scopes = {{.name = "lib", .attributes = {{"scope.key", "s"}, {"both", "scope"}}}};
  trace.spans.push_back({.name = "GET /cart",
                         .kind = model::SpanKind::Server,
                         .start = {100},
                         .end = {150},
                         .attributes = {{"int", 500},
                                        {"double", 1.5},
                                        {"text", "abc"},
                                        {"digits", "500"},
                                        {"flag", true},
                                        {"bytes", model::Bytes{"x"}},
                                        {"list", model::Array{{1, 2}}},
                                        {"nan", std::nan("")},
                                        {"empty", Value()},
                                        {"both", "span"},
                                        {"twice", "first"},
                                        {"twice", "second"}},
                         .events = {{.attributes = {{"exception.type", "A"}}},
                                    {.attributes = {{"exception.type", "B"}, {"both", "event"}}}},
                         .status = {.code = model::StatusCode::Error},
                         .resource = 0});
  trace.spans.push_back(
      {.name = "GET /shop", .kind = model::SpanKind::Client, .start = {100}, .end = {90}, .resource = 1});
  return trace;
}

bool holds(const Condition& condition) { return matches({.all = {condition}}, a_trace()); }
bool holds(const std::string& key, Comparison comparison, Value value) {
  return holds({.key = key, .comparison = comparison, .value = std::move(value)});
}
bool equals(const std::string& key, Value value) { return holds(key, Comparison::Equal, std::move(value)); }

TEST(FilterTest, an_empty_filter_matches_every_trace_with_a_span) {
  EXPECT_TRUE(matches({}, a_trace()));
  EXPECT_FALSE(matches({}, model::Trace()));
}

TEST(FilterTest, fields_are_compared_as_words_and_text) {
  EXPECT_TRUE(holds({.field = Field::Service, .value = "shop"}));
  EXPECT_FALSE(holds({.field = Field::Service, .value = "sho"}));
  EXPECT_TRUE(holds({.field = Field::Name, .value = "GET /cart"}));
  EXPECT_TRUE(holds({.field = Field::Kind, .value = "client"}));
  EXPECT_FALSE(holds({.field = Field::Kind, .value = "producer"}));
  EXPECT_TRUE(holds({.field = Field::Status, .value = "error"}));
  EXPECT_FALSE(holds({.field = Field::Status, .value = "ok"}));
}

TEST(FilterTest, durations_are_nanoseconds_negative_ones_too) {
  EXPECT_TRUE(holds({.field = Field::Duration, .value = 50}));
  EXPECT_TRUE(holds({.field = Field::Duration, .comparison = Comparison::AtLeast, .value = 50}));
  EXPECT_FALSE(holds({.field = Field::Duration, .comparison = Comparison::AtLeast, .value = 51}));
  EXPECT_TRUE(holds({.field = Field::Duration, .comparison = Comparison::AtMost, .value = -10}));
  EXPECT_FALSE(holds({.field = Field::Duration, .comparison = Comparison::AtMost, .value = -11}));
}

TEST(FilterTest, values_of_one_type_compare_by_type) {
  EXPECT_TRUE(equals("int", 500));
  EXPECT_TRUE(equals("double", 1.5));
  EXPECT_TRUE(equals("text", "abc"));
  EXPECT_TRUE(equals("flag", true));
  EXPECT_FALSE(equals("flag", false));
  EXPECT_TRUE(equals("bytes", model::Bytes{"x"}));
  EXPECT_TRUE(equals("list", model::Array{{1, 2}}));
  EXPECT_TRUE(equals("empty", Value()));
}

TEST(FilterTest, integers_and_doubles_compare_as_numbers) {
  EXPECT_TRUE(equals("int", 500.0));
  EXPECT_FALSE(equals("int", 500.5));
  EXPECT_TRUE(holds("int", Comparison::AtMost, 500.5));
  EXPECT_TRUE(holds("double", Comparison::AtLeast, 1));
}

TEST(FilterTest, large_integers_compare_exactly) {
  model::Trace trace = a_trace();
  trace.spans[0].attributes = {{"n", int64_t{9007199254740993}}};  // 2^53 + 1: no double
  EXPECT_FALSE(matches({.all = {{.key = "n", .value = 9007199254740992.0}}}, trace));
  EXPECT_TRUE(matches({.all = {{.key = "n", .value = int64_t{9007199254740993}}}}, trace));
}

TEST(FilterTest, a_text_equals_what_has_that_text) {
  EXPECT_TRUE(equals("int", "500"));
  EXPECT_TRUE(equals("double", "1.5"));
  EXPECT_TRUE(equals("flag", "true"));
  EXPECT_TRUE(equals("bytes", "eA=="));
  EXPECT_TRUE(equals("list", "[1,2]"));
  EXPECT_TRUE(equals("empty", ""));
  EXPECT_FALSE(equals("int", "500.0"));
}

TEST(FilterTest, a_number_does_not_equal_text) { EXPECT_FALSE(equals("digits", 500)); }

TEST(FilterTest, order_reads_numbers_in_text) {
  EXPECT_TRUE(holds("int", Comparison::AtLeast, "99"));
  EXPECT_TRUE(holds("digits", Comparison::AtLeast, 99));
  EXPECT_FALSE(holds("text", Comparison::AtLeast, 99));
  EXPECT_FALSE(holds("int", Comparison::AtLeast, "99x"));
}

TEST(FilterTest, two_texts_order_by_their_bytes) {
  EXPECT_TRUE(holds("text", Comparison::AtLeast, "abb"));
  EXPECT_FALSE(holds("text", Comparison::AtLeast, "abd"));
  EXPECT_TRUE(holds("digits", Comparison::AtMost, "99"));
}

TEST(FilterTest, what_has_no_order_is_neither_at_least_nor_at_most) {
  for (const char* key : {"flag", "bytes", "list", "empty", "nan"}) {
    EXPECT_FALSE(holds(key, Comparison::AtLeast, 0)) << key;
    EXPECT_FALSE(holds(key, Comparison::AtMost, 0)) << key;
  }
}

TEST(FilterTest, nothing_equals_nan_but_its_text) {
  EXPECT_FALSE(equals("nan", std::nan("")));
  EXPECT_TRUE(equals("nan", "NaN"));
  EXPECT_TRUE(holds("nan", Comparison::NotEqual, std::nan("")));
}

TEST(FilterTest, no_comparison_holds_for_an_absent_attribute) {
  for (const auto comparison : {Comparison::Equal, Comparison::NotEqual, Comparison::AtLeast, Comparison::AtMost}) {
    EXPECT_FALSE(holds("absent", comparison, "x"));
  }
}

TEST(FilterTest, not_equal_is_another_value) {
  EXPECT_TRUE(holds("int", Comparison::NotEqual, 501));
  EXPECT_FALSE(holds("int", Comparison::NotEqual, 500));
  EXPECT_FALSE(holds("int", Comparison::NotEqual, "500"));
}

TEST(FilterTest, an_attribute_is_looked_up_on_span_resource_scope_and_events) {
  EXPECT_TRUE(equals("text", "abc"));
  EXPECT_TRUE(equals("host", "h1"));
  EXPECT_TRUE(equals("scope.key", "s"));
  EXPECT_TRUE(equals("exception.type", "A"));
  EXPECT_TRUE(equals("exception.type", "B"));
  EXPECT_FALSE(equals("exception.type", "C"));
}

TEST(FilterTest, the_first_place_that_has_the_key_decides) {
  EXPECT_TRUE(equals("twice", "first"));
  EXPECT_FALSE(equals("twice", "second"));
  model::Trace trace = a_trace();
  trace.spans.pop_back();
  EXPECT_TRUE(matches({.all = {{.key = "both", .value = "span"}}}, trace));
  EXPECT_FALSE(matches({.all = {{.key = "both", .value = "scope"}}}, trace));
  EXPECT_FALSE(matches({.all = {{.key = "both", .value = "event"}}}, trace));
}

TEST(FilterTest, span_and_resource_attributes_are_looked_up_nowhere_else) {
  EXPECT_TRUE(holds({.field = Field::SpanAttribute, .key = "text", .value = "abc"}));
  EXPECT_FALSE(holds({.field = Field::SpanAttribute, .key = "host", .value = "h1"}));
  EXPECT_TRUE(holds({.field = Field::ResourceAttribute, .key = "host", .value = "h1"}));
  EXPECT_FALSE(holds({.field = Field::ResourceAttribute, .key = "text", .value = "abc"}));
}

TEST(FilterTest, all_conditions_must_hold_on_one_span) {
  const Condition cart{.field = Field::Service, .value = "cart"};
  const Condition client{.field = Field::Kind, .value = "client"};
  EXPECT_FALSE(matches({.all = {cart, client}}, a_trace()));
  EXPECT_TRUE(matches({.all = {cart}, .any_span = {client}}, a_trace()));
}

TEST(FilterTest, each_any_span_condition_may_hold_on_another_span) {
  const Condition cart{.field = Field::Service, .value = "cart"};
  const Condition shop{.field = Field::Service, .value = "shop"};
  const Condition mail{.field = Field::Service, .value = "mail"};
  EXPECT_TRUE(matches({.all = {}, .any_span = {cart, shop}}, a_trace()));
  EXPECT_FALSE(matches({.all = {}, .any_span = {cart, mail}}, a_trace()));
}

TEST(FilterTest, a_resource_without_a_name_is_unknown_service) {
  model::Trace trace = a_trace();
  trace.resources[0].attributes.clear();
  EXPECT_TRUE(matches({.all = {{.field = Field::Service, .value = "unknown_service"}}}, trace));
}

}  // namespace
}  // namespace backstitch::traceql
