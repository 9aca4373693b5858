#include "traceql/compare.h"

#include <cmath>
#include <gtest/gtest.h>

namespace backstitch::traceql {
namespace {

using enum Operator;
using model::Array;
using model::Bytes;
using model::Value;

bool holds(const Value& value, Operator op, TypedValue literal) {
  const LiteralComparison comparison(op, literal);
  const bool direct = comparison.holds(value);
  if (is_comparison(op) && op != Match && op != NotMatch) {
    EXPECT_EQ(compare(op, TypedValue::of(value), literal), direct);
  }
  return direct;
}

bool holds_text(const Value& value, Operator op, TypedValue literal) {
  return LiteralComparison(op, std::move(literal), true).holds(value);
}

TypedValue text(std::string value) { return TypedValue::text(std::move(value)); }
TypedValue number(int64_t value) { return TypedValue::integer(value); }

TEST(CompareTest, numbers_compare_as_numbers_whatever_their_type) {
  EXPECT_TRUE(holds(500, Equal, number(500)));
  EXPECT_TRUE(holds(500, Equal, TypedValue::real(500.0)));
  EXPECT_FALSE(holds(500, Equal, TypedValue::real(500.5)));
  EXPECT_TRUE(holds(1.5, Greater, number(1)));
  EXPECT_TRUE(holds(1'000'000, GreaterEqual, TypedValue::duration(std::chrono::milliseconds(1))));
  EXPECT_TRUE(holds(-1, Less, number(0)));
  EXPECT_TRUE(holds(-1, LessEqual, number(-1)));
  EXPECT_TRUE(holds(3, NotEqual, number(4)));
}

TEST(CompareTest, large_integers_compare_exactly) {
  EXPECT_FALSE(holds(int64_t{9007199254740993}, Equal, TypedValue::real(9007199254740992.0)));
  EXPECT_TRUE(holds(int64_t{9007199254740993}, Greater, TypedValue::real(9007199254740992.0)));
}

TEST(CompareTest, strings_go_by_their_bytes) {
  EXPECT_TRUE(holds("abc", Equal, text("abc")));
  EXPECT_TRUE(holds("abc", Less, text("abd")));
  EXPECT_TRUE(holds("500", Greater, text("1000")));
  EXPECT_TRUE(holds("abc", NotEqual, text("")));
}

TEST(CompareTest, nothing_holds_across_types_not_even_unequal) {
  for (const Operator op : {Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual}) {
    EXPECT_FALSE(holds("500", op, number(500)));
    EXPECT_FALSE(holds(500, op, text("500")));
    EXPECT_FALSE(holds(true, op, number(1)));
    EXPECT_FALSE(holds("error", op, TypedValue::status(model::StatusCode::Error)));
    EXPECT_FALSE(holds(2, op, TypedValue::status(model::StatusCode::Error)));
  }
}

TEST(CompareTest, nothing_holds_with_what_is_absent_or_opaque) {
  for (const Operator op : {Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual}) {
    EXPECT_FALSE(holds(Value(), op, number(1)));
    EXPECT_FALSE(holds(Bytes{"x"}, op, text("x")));
    EXPECT_FALSE(holds(model::KeyValues{}, op, text("{}")));
    EXPECT_FALSE(compare(op, {}, {}));
  }
}

TEST(CompareTest, booleans_statuses_and_kinds_have_no_order) {
  EXPECT_TRUE(holds(true, Equal, TypedValue::boolean(true)));
  EXPECT_TRUE(holds(true, NotEqual, TypedValue::boolean(false)));
  EXPECT_FALSE(holds(true, GreaterEqual, TypedValue::boolean(true)));
  const auto error = TypedValue::status(model::StatusCode::Error);
  EXPECT_TRUE(LiteralComparison(Equal, error).holds_status(model::StatusCode::Error));
  EXPECT_TRUE(LiteralComparison(NotEqual, error).holds_status(model::StatusCode::Ok));
  EXPECT_FALSE(LiteralComparison(GreaterEqual, error).holds_status(model::StatusCode::Error));
  const auto server = TypedValue::kind(model::SpanKind::Server);
  EXPECT_TRUE(LiteralComparison(Equal, server).holds_kind(model::SpanKind::Server));
  EXPECT_TRUE(compare(NotEqual, server, TypedValue::kind(model::SpanKind::Client)));
}

TEST(CompareTest, an_unknown_kind_is_unspecified) {
  const LiteralComparison unspecified(Equal, TypedValue::kind(model::SpanKind::Unspecified));
  EXPECT_TRUE(unspecified.holds_kind(static_cast<model::SpanKind>(77)));
}

TEST(CompareTest, of_an_array_one_element_is_enough_but_for_unequal) {
  const Value list = Array{{"x", "y"}};
  EXPECT_TRUE(holds(list, Equal, text("y")));
  EXPECT_FALSE(holds(list, Equal, text("z")));
  EXPECT_TRUE(holds(list, NotEqual, text("z")));
  EXPECT_FALSE(holds(list, NotEqual, text("y")));
  EXPECT_TRUE(holds(list, Match, text("x.*")));
  EXPECT_FALSE(holds(list, NotMatch, text("x.*")));
  EXPECT_TRUE(holds(list, NotMatch, text("a.*")));
  EXPECT_TRUE(holds(Array{{1, 5}}, Greater, number(4)));
  EXPECT_FALSE(holds(Array{{1, 5}}, Greater, number(5)));
}

TEST(CompareTest, every_element_of_an_empty_array_differs) {
  EXPECT_TRUE(holds(Array{}, NotEqual, text("x")));
  EXPECT_FALSE(holds(Array{}, Equal, text("x")));
}

TEST(CompareTest, elements_of_another_type_never_hold) {
  EXPECT_FALSE(holds(Array{{"x"}}, NotEqual, number(1)));
  EXPECT_TRUE(holds(Array{{"x", 1}}, Equal, number(1)));
  EXPECT_FALSE(holds(Array{{Array{{1}}}}, Equal, number(1)));
}

TEST(CompareTest, an_array_on_the_right_turns_the_order_around) {
  const TypedValue list = TypedValue::of(Array{{1, 5}});
  EXPECT_TRUE(compare(Less, number(4), list));
  EXPECT_FALSE(compare(Less, number(5), list));
  EXPECT_FALSE(compare(Equal, list, list));
}

TEST(CompareTest, nan_differs_from_everything) {
  EXPECT_FALSE(holds(std::nan(""), Equal, TypedValue::real(std::nan(""))));
  EXPECT_TRUE(holds(std::nan(""), NotEqual, number(1)));
  EXPECT_FALSE(holds(std::nan(""), LessEqual, number(1)));
}

TEST(CompareTest, patterns_must_fit_the_whole_text) {
  EXPECT_TRUE(holds("bar", Match, text("b.r")));
  EXPECT_FALSE(holds("a bar", Match, text("bar")));
  EXPECT_TRUE(holds("a bar", NotMatch, text("bar")));
  EXPECT_TRUE(holds("line\nnext", Match, text("line.*")));
  EXPECT_TRUE(holds("ab", Match, text("a|ab")));
  EXPECT_FALSE(holds(5, Match, text("5")));
  EXPECT_FALSE(holds(5, NotMatch, text("5")));
  EXPECT_FALSE(holds(Value(), NotMatch, text("5")));
}

TEST(CompareTest, what_is_no_pattern_matches_nothing) {
  EXPECT_FALSE(Pattern::compile("["));
  EXPECT_FALSE(Pattern::compile("(x{1000}){1000}"));
  EXPECT_FALSE(Pattern::compile(std::string(kPatternBytesMax + 1, 'x')));
  EXPECT_FALSE(holds("x", Match, text("[")));
  EXPECT_FALSE(holds("x", NotMatch, text("[")));
}

TEST(CompareTest, exists_and_absent_know_empty_values) {
  EXPECT_TRUE(holds(0, Exists, {}));
  EXPECT_TRUE(holds("", Exists, {}));
  EXPECT_TRUE(holds(Bytes{""}, Exists, {}));
  EXPECT_TRUE(holds(Array{}, Exists, {}));
  EXPECT_FALSE(holds(Value(), Exists, {}));
  EXPECT_TRUE(holds(Value(), Absent, {}));
  EXPECT_FALSE(holds(0, Absent, {}));
  EXPECT_TRUE(LiteralComparison(Absent, {}).holds_absent());
  EXPECT_FALSE(LiteralComparison(NotEqual, number(1)).holds_absent());
}

TEST(CompareTest, as_text_a_string_equals_what_has_that_text) {
  EXPECT_TRUE(holds_text(500, Equal, text("500")));
  EXPECT_FALSE(holds_text(500, Equal, text("500.0")));
  EXPECT_TRUE(holds_text(1.5, Equal, text("1.5")));
  EXPECT_TRUE(holds_text(true, Equal, text("true")));
  EXPECT_TRUE(holds_text(Bytes{"x"}, Equal, text("eA==")));
  EXPECT_TRUE(holds_text(Array{{1, 2}}, Equal, text("[1,2]")));
  EXPECT_TRUE(holds_text(Value(), Equal, text("")));
  EXPECT_TRUE(holds_text(std::nan(""), Equal, text("NaN")));
  EXPECT_TRUE(holds_text(500, NotEqual, text("501")));
  EXPECT_FALSE(holds_text(500, NotEqual, text("500")));
  EXPECT_TRUE(LiteralComparison(Equal, text("server"), true).holds_kind(model::SpanKind::Server));
  EXPECT_TRUE(LiteralComparison(Equal, text("error"), true).holds_status(model::StatusCode::Error));
}

TEST(CompareTest, as_text_order_reads_numbers) {
  EXPECT_TRUE(holds_text(500, GreaterEqual, text("99")));
  EXPECT_TRUE(holds_text("500", GreaterEqual, number(99)));
  EXPECT_TRUE(holds_text("500", Less, text("99")));
  EXPECT_FALSE(holds_text("abc", GreaterEqual, number(99)));
  EXPECT_FALSE(holds_text(500, GreaterEqual, text("99x")));
  EXPECT_FALSE(holds_text(true, GreaterEqual, text("0")));
  EXPECT_FALSE(holds_text("500", Equal, number(500)));
}

}  // namespace
}  // namespace backstitch::traceql
