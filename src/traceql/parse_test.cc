#include "traceql/parse.h"

#include <gtest/gtest.h>

#include "traceql/print.h"

namespace backstitch::traceql {
namespace {

std::string printed(std::string_view text) {
  const auto query = parse(text);
  return query ? print(*query) : query.error().message;
}

std::string refusal(std::string_view text) {
  const auto query = parse(text);
  if (query) return "taken: " + print(*query);
  EXPECT_EQ(query.error().code, base::Errc::InvalidArgument) << text;
  return query.error().message;
}

struct Case {
  std::string_view text;
  std::string_view wanted;
};

void expect_printed(std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(printed(one.text), one.wanted) << one.text;
    const auto query = parse(one.text);
    ASSERT_TRUE(query) << one.text;
    EXPECT_EQ(parse(print(*query)), *query) << one.text;
  }
}

void expect_refused(std::initializer_list<Case> cases) {
  for (const Case& one : cases) EXPECT_EQ(refusal(one.text), one.wanted) << one.text;
}

TEST(ParseTest, filters_compare_fields_with_values) {
  expect_printed({
      {"{}", "{ }"},
      {"{ true }", "{ }"},
      {"{false}", "{ false }"},
      {"{ .a = 2 }", "{ .a = 2 }"},
      {"{.a!=2}", "{ .a != 2 }"},
      {"{ .a > 2 && .b <= 1.5 }", "{ .a > 2 && .b <= 1.5 }"},
      {"{ span.http.status_code >= 500 }", "{ span.http.status_code >= 500 }"},
      {"{ resource.service.name = `cart` }", "{ resource.service.name = \"cart\" }"},
      {"{ .a =~ \"x.*\" || .b !~ `\\d+` }", "{ .a =~ \"x.*\" || .b !~ \"\\\\d+\" }"},
      {"{ event.exception.message = \"x\" }", "{ event.exception.message = \"x\" }"},
      {"{ link.a = true }", "{ link.a = true }"},
      {"{ instrumentation.a = -1 }", "{ instrumentation.a = -1 }"},
      {"{ .flag }", "{ .flag }"},
      {"{ !.flag }", "{ !.flag }"},
      {"{ .flag && span.other }", "{ .flag && span.other }"},
      {"{ parent.a = 1 && parent.span.b = 2 && parent.resource.c = 3 }",
       "{ parent.a = 1 && parent.span.b = 2 && parent.resource.c = 3 }"},
      {"{ \"a\" =~ \"b\" }", "{ \"a\" =~ \"b\" }"},
      {"{ 1 = 2 }", "{ 1 = 2 }"},
  });
}

TEST(ParseTest, intrinsics_have_one_printed_name_each) {
  expect_printed({
      {"{ span:name = \"x\" }", "{ name = \"x\" }"},
      {"{ span:status = error }", "{ status = error }"},
      {"{ status != unset }", "{ status != unset }"},
      {"{ span:statusMessage = \"\" }", "{ statusMessage = \"\" }"},
      {"{ span:kind = consumer }", "{ kind = consumer }"},
      {"{ kind != unspecified }", "{ kind != unspecified }"},
      {"{ span:duration > 1ms }", "{ duration > 1ms }"},
      {"{ childCount = 0 }", "{ span:childCount = 0 }"},
      {"{ span:parentID = nil }", "{ span:parentID = nil }"},
      {"{ parent = nil }", "{ parent = nil }"},
      {"{ nestedSetLeft > 3 && nestedSetRight < 9 }", "{ nestedSetLeft > 3 && nestedSetRight < 9 }"},
      {"{ nestedSetParent < 0 }", "{ nestedSetParent < 0 }"},
      {"{ trace:duration > 1s }", "{ traceDuration > 1s }"},
      {"{ trace:rootName = \"a\" }", "{ rootName = \"a\" }"},
      {"{ trace:rootService = \"a\" }", "{ rootServiceName = \"a\" }"},
      {"{ event:name = \"exception\" }", "{ event:name = \"exception\" }"},
      {"{ event:timeSinceStart > -5s }", "{ event:timeSinceStart > -5s }"},
      {"{ instrumentation:name = \"x\" && instrumentation:version =~ \"1.*\" }",
       "{ instrumentation:name = \"x\" && instrumentation:version =~ \"1.*\" }"},
  });
}

TEST(ParseTest, ids_are_brought_to_their_full_length) {
  expect_printed({
      {"{ trace:id = \"ABC\" }", "{ trace:id = \"00000000000000000000000000000abc\" }"},
      {"{ span:id != \"1\" }", "{ span:id != \"0000000000000001\" }"},
      {"{ link:spanID = \"1\" && link:traceID = \"2\" }",
       "{ link:spanID = \"0000000000000001\" && link:traceID = \"00000000000000000000000000000002\" }"},
      {"{ span:id = \"no hex\" }", "{ span:id = \"no hex\" }"},
      {"{ span:id =~ \"1\" }", "{ span:id =~ \"1\" }"},
  });
}

TEST(ParseTest, literals) {
  expect_printed({
      {"{ duration > 1h30m }", "{ duration > 90m }"},
      {"{ duration > 1.5s }", "{ duration > 1500ms }"},
      {"{ duration > 1d }", "{ duration > 24h }"},
      {"{ duration > 250µs && duration < 1us }", "{ duration > 250us && duration < 1us }"},
      {"{ duration > 7ns }", "{ duration > 7ns }"},
      {"{ .a = 1e3 }", "{ .a = 1000.0 }"},
      {"{ .a = 1.0 }", "{ .a = 1.0 }"},
      {"{ .a = 1e-7 }", "{ .a = 1e-07 }"},
      {"{ .a = .5 }", "{ .a = 0.5 }"},
      {"{ .a = 9223372036854775807 }", "{ .a = 9223372036854775807 }"},
      {"{ .a = minInt || .a = maxInt }", "{ .a = minInt || .a = 9223372036854775807 }"},
      {"{ .a = -5 }", "{ .a = -5 }"},
      {"{ .a = \"tab\\there \\\"q\\\" \\u00e9 \\x41\" }", "{ .a = \"tab\\x09here \\\"q\\\" é A\" }"},
      {"{ .a = `raw \\ \"quoted\"` }", "{ .a = \"raw \\\\ \\\"quoted\\\"\" }"},
  });
}

TEST(ParseTest, attribute_names_run_to_what_ends_them) {
  expect_printed({
      {"{ .a-b/c:d*e = 1 }", "{ .a-b/c:d*e = 1 }"},
      {"{ span.\"a b\" = 1 }", "{ span.\"a b\" = 1 }"},
      {"{ span.attribute.\"a b\".c = 1 }", "{ span.\"attribute.a b.c\" = 1 }"},
      {"{ .\"q\\\"\\\\\" = 1 }", "{ .\"q\\\"\\\\\" = 1 }"},
      {"{ .\"5xx\" = 1 }", "{ .\"5xx\" = 1 }"},
      {"{ .\"plain\" = 1 }", "{ .plain = 1 }"},
      {"{ parent.\"span.x\" = 1 }", "{ parent.\"span.x\" = 1 }"},
      {"{ .span.x = 1 }", "{ .span.x = 1 }"},
      {"{ .größe = 1 }", "{ .größe = 1 }"},
      {"{ .name = 1 && resource.duration = 2 }", "{ .name = 1 && resource.duration = 2 }"},
  });
}

TEST(ParseTest, and_binds_like_or_from_the_left) {
  expect_printed({
      {"{ .a || .b && .c }", "{ .a || .b && .c }"},
      {"{ (.a || .b) && .c }", "{ .a || .b && .c }"},
      {"{ .a || (.b && .c) }", "{ .a || (.b && .c) }"},
      {"{ .a && (.b && .c) }", "{ .a && (.b && .c) }"},
  });
  EXPECT_EQ(parse("{ .a || .b && .c }"), parse("{ (.a || .b) && .c }"));
}

TEST(ParseTest, arithmetic_binds_as_in_tempo) {
  expect_printed({
      {"{ .a + 1 * 2 = 3 }", "{ .a + 1 * 2 = 3 }"},
      {"{ (.a + 1) * 2 = 3 }", "{ (.a + 1) * 2 = 3 }"},
      {"{ .a - 1 - 2 = 3 }", "{ .a - 1 - 2 = 3 }"},
      {"{ .a - (1 - 2) = 3 }", "{ .a - (1 - 2) = 3 }"},
      {"{ 2 ^ 3 ^ .a = 3 }", "{ 2 ^ 3 ^ .a = 3 }"},
      {"{ (2 ^ .a) ^ 3 = 3 }", "{ (2 ^ .a) ^ 3 = 3 }"},
      {"{ -.a = 2 }", "{ -.a = 2 }"},
      {"{ -.a * 2 = 2 }", "{ -(.a * 2) = 2 }"},
      {"{ (-.a) * 2 = 2 }", "{ (-.a) * 2 = 2 }"},
      {"{ -.a + 2 = 2 }", "{ (-.a) + 2 = 2 }"},
      {"{ .a * -2 * 3 = 1 }", "{ .a * (-(2 * 3)) = 1 }"},
      {"{ .a * (-2) * 3 = 1 }", "{ .a * (-2) * 3 = 1 }"},
      {"{ -(-5) = .a }", "{ .a = 5 }"},
      {"{ !(.a = 1) && .b }", "{ !(.a = 1) && .b }"},
      {"{ !!.a }", "{ !(!.a) }"},
      {"{ duration > 2 * 1s }", "{ duration > 2 * 1s }"},
      {"{ .a % 2 = 0 }", "{ .a % 2 = 0 }"},
  });
}

TEST(ParseTest, literals_go_to_the_right_side) {
  expect_printed({
      {"{ 200 = .a }", "{ .a = 200 }"},
      {"{ 200 < .a + 1 }", "{ .a + 1 > 200 }"},
      {"{ 3 >= duration * 2 && 1 != .b }", "{ duration * 2 <= 3 && .b != 1 }"},
      {"{ nil != .a }", "{ .a != nil }"},
      {"{ nil = -(.a + .b) }", "{ (-(.a + .b)) = nil }"},
  });
}

TEST(ParseTest, spansets_join_structurally) {
  for (const std::string_view op :
       {"&&", "||", ">>", ">", "~", "<<", "<", "!>>", "!>", "!~", "!<<", "!<", "&>>", "&>", "&~", "&<<", "&<"}) {
    const std::string text = "{ .a } " + std::string(op) + " { .b }";
    EXPECT_EQ(printed(text), text);
    EXPECT_EQ(printed("{.a}" + std::string(op) + "{.b}"), text);
  }
  expect_printed({
      {"{ .a } >> { .b } && { .c }", "{ .a } >> { .b } && { .c }"},
      {"{ .a } >> ({ .b } && { .c })", "{ .a } >> ({ .b } && { .c })"},
      {"{ .a } > { .b } > { .c }", "{ .a } > { .b } > { .c }"},
      {"{ .a } > ({ .b } > { .c })", "{ .a } > ({ .b } > { .c })"},
      {"(({ .a }))", "{ .a }"},
  });
}

TEST(ParseTest, pipelines) {
  expect_printed({
      {"{ } | count() > 2", "{ } | count() > 2"},
      {"count()>2", "count() > 2"},
      {"{ } | avg(duration) >= 20ms", "{ } | avg(duration) >= 20ms"},
      {"{ } | max(1 + .a) = -1.5", "{ } | max(1 + .a) = -1.5"},
      {"{ } | min(.a) + sum(.b) * 2 < count() - -3", "{ } | min(.a) + sum(.b) * 2 < count() - -3"},
      {"{ } | (min(.a) + 1) * 2 < 3", "{ } | (min(.a) + 1) * 2 < 3"},
      {"{ } | 2 ^ count() ^ 2 > 3", "{ } | 2 ^ count() ^ 2 > 3"},
      {"{ } | by(resource.service.name) | count() > 1 | coalesce() | select(name, .a)",
       "{ } | by(resource.service.name) | count() > 1 | coalesce() | select(name, .a)"},
      {"by(1 + .a) | { .b }", "by(1 + .a) | { .b }"},
      {"select(.a)", "select(.a)"},
      {"{ .a } | { .b } | { .c } && { .d }", "{ .a } | { .b } | { .c } && { .d }"},
      {"{ .a } && ({ .b } | count() > 1)", "{ .a } && ({ .b } | count() > 1)"},
      {"({ .a } | count() > 1) >> ({ .b } | by(name))", "({ .a } | count() > 1) >> ({ .b } | by(name))"},
      {"({ .a } | count()) > ({ .b } | count())", "({ .a } | count()) > ({ .b } | count())"},
      {"({ .a } | count()) * 2 + 1 > 3", "({ .a } | count()) * 2 + 1 > 3"},
      {"({ .a } | ({ .b } | count() > 1) && { .c }) || { .d }",
       "({ .a } | ({ .b } | count() > 1) && { .c }) || { .d }"},
      {"(count() > 2) && { .a }", "(count() > 2) && { .a }"},
  });
}

TEST(ParseTest, metrics) {
  expect_printed({
      {"{ } | rate()", "{ } | rate()"},
      {"{} | rate() by (name, .a)", "{ } | rate() by (name, .a)"},
      {"{ } | count_over_time()", "{ } | count_over_time()"},
      {"{ } | min_over_time(duration)", "{ } | min_over_time(duration)"},
      {"{ } | max_over_time(span.a) by (kind)", "{ } | max_over_time(span.a) by (kind)"},
      {"{ } | avg_over_time(.a)", "{ } | avg_over_time(.a)"},
      {"{ } | sum_over_time(.a)", "{ } | sum_over_time(.a)"},
      {"{ } | quantile_over_time(duration, 0, .9, 1) by (name)",
       "{ } | quantile_over_time(duration, 0, 0.9, 1) by (name)"},
      {"{ } | histogram_over_time(duration)", "{ } | histogram_over_time(duration)"},
      {"{ } | rate() | topk(10)", "{ } | rate() | topk(10)"},
      {"{ } | rate() > 5 | bottomk(2) < 1s", "{ } | rate() > 5 | bottomk(2) < 1s"},
      {"{ } | count() > 2 | rate() != -1.5", "{ } | count() > 2 | rate() != -1.5"},
      {"{ .a } >> { .b } | rate()", "{ .a } >> { .b } | rate()"},
      {"{ } | rate() with(sample=0.1, exemplars=true)", "{ } | rate() with (sample=0.1, exemplars=true)"},
      {"{ } with (most_recent=true)", "{ } with (most_recent=true)"},
  });
}

TEST(ParseTest, errors_say_where_and_what_was_expected) {
  expect_refused({
      {"", "1:1: expected '{', an aggregate, by(), select(), coalesce() or '(', found the end"},
      {"true", "1:1: expected '{', an aggregate, by(), select(), coalesce() or '(', found 'true'"},
      {"{ span.a = }", "1:12: expected a field or a value, found '}'"},
      {"{ .a < 3", "1:9: expected '}' or an operator, found the end"},
      {"{ (.a < 3 }", "1:11: expected ')' or an operator, found '}'"},
      {"{ . }", "1:4: expected an attribute name after '.'"},
      {"{ span. }", "1:8: expected an attribute name after 'span.'"},
      {"{ attribute = 4 }", "1:3: expected a field or a value, found 'attribute'"},
      {"{ .a == 4 }", "1:7: expected a field or a value, found '='"},
      {"{ trace:status = error }", "1:3: expected a field or a value, found 'trace:status'"},
      {"{ .a = \"x }", "1:8: a quote is not closed"},
      {"{ .a = \"x\ny\" }", "1:8: a quote is not closed"},
      {"{ .a = `x }", "1:8: a quote is not closed"},
      {"{ .\"a = 1 }", "1:4: a quote is not closed"},
      {"{ .a = 'x' }", "1:8: ''' means nothing here"},
      {"{ .a = €5 }", "1:8: '€' means nothing here"},
      {"{ .a = \"\\q\" }", "1:9: no escape that is known here: \\n \\t \\r \\\" \\\\ \\xNN \\uNNNN"},
      {"{ .a = 5q }", "1:9: 'q' is no unit: ns us µs ms s m h d w y"},
      {"{ .a = 1h30 }", "1:10: a number without its unit inside a duration"},
      {"{ .a = 9223372036854775808 }", "1:8: a number beyond 64 bits"},
      {"{ .a = 300y }", "1:8: a duration beyond 292 years"},
      {"{ }\n  && [", "2:6: '[' means nothing here"},
      {"{ .a = \"é\" } x", "1:14: expected '|', an operator or the end, found 'x'"},
      {"{ } {", "1:5: expected '|', an operator or the end, found '{'"},
      {"{ .b = \"0123456789012345678901234567890123456789012345\" } \"0123456789012345678901234567890123456789012345\"",
       "1:59: expected '|', an operator or the end, found '\"012345678901234567890123456789012345678…'"},
  });
}

TEST(ParseTest, types_that_do_not_fit_are_refused) {
  expect_refused({
      {"{ status }", "1:3: a filter is a boolean, this is a status"},
      {"{ 1 + .a }", "1:3: a filter is a boolean, this is a number"},
      {"{ nil }", "1:3: a filter is a boolean, this is nil"},
      {"{ \"x\" }", "1:3: a filter is a boolean, this is a string"},
      {"{ name > 5 }", "1:8: '>' compares what is of one type, not a string and a number"},
      {"{ status > ok }", "1:10: '>' takes numbers or strings, not a status and a status"},
      {"{ 1 = \"foo\" }", "1:5: '=' compares what is of one type, not a number and a string"},
      {"{ rootName != 3.2 }", "1:12: '!=' compares what is of one type, not a string and a number"},
      {"{ .a + \"x\" = 1 }", "1:6: '+' takes numbers, not an attribute and a string"},
      {"{ true || 1.1 }", "1:8: '||' joins booleans, not a boolean and a number"},
      {"{ .a + 1 && true }", "1:10: '&&' joins booleans, not a number and a boolean"},
      {"{ -true }", "1:3: '-' takes a number, not a boolean"},
      {"{ !duration = 1 }", "1:3: '!' takes a boolean, not a duration"},
      {"{ .a =~ 2 }", "1:9: expected a pattern in quotes after '=~'"},
      {"{ .a =~ .b }", "1:9: expected a pattern in quotes after '=~'"},
      {"{ duration !~ \"x\" }", "1:12: '!~' takes strings, not a duration"},
      {"{ .a =~ \"[\" }", "1:9: no pattern: missing ]: ["},
      {"{ .a > nil }", "1:6: nil goes with = and != only, not '>'"},
      {"{ nil = nil }", "1:7: nil compared with a literal"},
      {"{ 5 = nil }", "1:5: nil compared with a literal"},
      {"{ } | max(name) = \"x\"", "1:11: an aggregate is of numbers, this is a string"},
      {"{ } | sum(3) = 2", "1:11: an aggregate is of a field, here is none"},
      {"{ } | by(1)", "1:10: by() is of a field, here is none"},
      {"{ } | avg_over_time(name)", "1:21: avg_over_time() is of numbers, this is a string"},
  });
}

TEST(ParseTest, pipelines_that_mean_nothing_are_refused) {
  expect_refused({
      {"{ } + { }", "1:5: expected '|', an operator or the end, found '+'"},
      {"{ } = { }", "1:5: expected '|', an operator or the end, found '='"},
      {"{ } | count()", "1:1: an aggregate must be compared, as in count() > 2"},
      {"{ } | count() | { }", "1:15: expected a comparison after the aggregate, found '|'"},
      {"{ } | count = 1", "1:13: expected '(' after count, found '='"},
      {"{ } | max() = 1", "1:11: expected a field or a value, found ')'"},
      {"count() > 3 && { }", "1:13: expected '|', an operator or the end, found '&&'"},
      {"3 = 2", "1:3: a comparison without an aggregate"},
      {"count() > { }", "1:9: '>' takes a number on its right"},
      {"{ } > count()", "1:5: '>' takes a spanset like { } on its right"},
      {"count() =~ 2", "1:9: '=~' takes strings, not numbers"},
      {"coalesce() | { }", "1:1: coalesce() has nothing before it"},
      {"select()", "1:8: expected a field, found ')'"},
      {"select(1 + .a)", "1:8: expected a field, found '1'"},
      {"{ } | by()", "1:10: expected a field or a value, found ')'"},
      {"({ } | by(name) | count()) > 2", "1:1: by() in a pipeline whose aggregate is compared is not supported"},
      {"rate()", "1:1: expected a spanset like { } before the metrics function, found 'rate'"},
      {"{ } | compare({ status = error })", "1:7: compare() is not supported"},
      {"({ } | rate()) / ({ } | rate())",
       "1:8: metrics in parentheses, and arithmetic between metrics, are not supported"},
      {"{ } | rate() | { }", "1:14: expected '| topk(', '| bottomk(', a comparison or the end, found '|'"},
      {"{ } | rate() | topk(0)", "1:21: expected how many series, at least 1, found '0'"},
      {"{ } | quantile_over_time(duration)", "1:34: expected ',' and a quantile like 0.9, found ')'"},
      {"{ } | quantile_over_time(duration, 2)", "1:36: expected a quantile from 0 to 1, found '2'"},
      {"{ } | rate() > x", "1:16: expected a number after '>', found 'x'"},
      {"{ } with (a)", "1:12: expected '=' after a, found ')'"},
      {"{ } with (a=)", "1:13: expected a value after '=', found ')'"},
  });
}

std::string repeated(std::string_view text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(ParseTest, long_chains_are_no_deeper_than_short_ones) {
  const std::string filters = "{ .a" + repeated(" || .a", 1000) + " }";
  EXPECT_EQ(printed(filters), filters);
  const std::string spansets = "{ .a }" + repeated(" >> { .a }", 500);
  EXPECT_EQ(printed(spansets), spansets);
}

TEST(ParseTest, limits_are_named) {
  EXPECT_EQ(refusal("{ " + repeated("(", 65) + ".a" + repeated(")", 65) + " }"), "1:67: nested more than 64 deep");
  EXPECT_EQ(refusal("{ " + repeated("!", 65) + ".a }"), "1:67: nested more than 64 deep");
  EXPECT_EQ(refusal("{ 1" + repeated("^1", 65) + " = 1 }"), "1:133: nested more than 64 deep");
  EXPECT_EQ(refusal(repeated("(", 65) + "{ }" + repeated(")", 65)), "1:65: nested more than 64 deep");
  EXPECT_EQ(refusal("{ .a" + repeated(" || .a", 3000) + " }"), "1:12288: a query of more than 4096 parts");
  EXPECT_EQ(refusal(repeated(" ", kQueryBytesMax + 1)), "1:1: a query of 65537 bytes, at most 65536 are taken");
  EXPECT_EQ(refusal("{ .a =~ \"" + repeated("x", 5000) + "\" }"),
            "1:9: a pattern of 5000 bytes, at most 4096 are taken");
  EXPECT_EQ(refusal("{ }" + repeated("|{ }", 64)), "1:1: more than 64 stages");
  EXPECT_EQ(refusal("{ } | rate() by (" + repeated(".a, ", 8) + ".b)"), "1:50: more than 8 fields");
}

TEST(ParseTest, every_prefix_of_a_query_is_taken_or_refused) {
  const std::string text =
      "({ span.\"a b\" =~ \"x\\n.*\" && -duration ^ 2 > 1h30m } | by(.a) | max(.b) > 1.5e3) &>> "
      "{ nil != parent.resource.x } | quantile_over_time(duration, 0.5) by (name) | topk(3) > 5 with (a=`b`)";
  ASSERT_EQ(refusal(text).substr(0, 6), "taken:");
  for (size_t size = 0; size < text.size(); ++size) {
    const auto query = parse(text.substr(0, size));
    if (query) {
      EXPECT_EQ(parse(print(*query)), *query) << text.substr(0, size);
    }
  }
}

}  // namespace
}  // namespace backstitch::traceql
