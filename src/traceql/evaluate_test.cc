#include "traceql/evaluate.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "traceql/analysis.h"
#include "traceql/parse.h"
#include "traceql/print.h"
#include "traceql/query_testing.h"

namespace backstitch::traceql {
namespace {

using model::Array;
using model::Value;

model::SpanId id_of(uint8_t number) {
  model::SpanId id;
  id.bytes[7] = number;
  return id;
}

//   a (server, error, cart) ── b (client, shop)
//   o: an orphan
model::Trace a_trace() {
  model::Trace trace;
  trace.id.bytes[15] = 7;
  trace.resources = {{.attributes = {{"service.name", "cart"}, {"host", "h1"}}},
                     {.attributes = {{"service.name", "shop"}, {"both", "resource"}}}};
  trace.scopes = {{.name = "lib", .version = "1.2", .attributes = {{"scope.key", "s"}}}};
  trace.spans.push_back({.span_id = id_of(1),
                         .name = "a",
                         .kind = model::SpanKind::Server,
                         .start = {1'000},
                         .end = {1'150},
                         .attributes = {{"int", 500},
                                        {"double", 1.5},
                                        {"text", "abc"},
                                        {"flag", true},
                                        {"off", false},
                                        {"list", Array{{"x", "y"}}},
                                        {"empty", Value()},
                                        {"both", "span"},
                                        {"a b", 1}},
                         .events = {{.time = {1'010}, .name = "exception", .attributes = {{"type", "A"}, {"n", 1}}},
                                    {.time = {1'050}, .name = "log", .attributes = {{"type", "B"}}}},
                         .links = {{.trace_id = {{0xaa}}, .span_id = id_of(9), .attributes = {{"ref", "child_of"}}}},
                         .status = {.code = model::StatusCode::Error, .message = "boom"}});
  trace.spans.push_back({.span_id = id_of(2),
                         .parent_span_id = id_of(1),
                         .name = "b",
                         .kind = model::SpanKind::Client,
                         .start = {1'100},
                         .end = {1'090},
                         .attributes = {{"int", 7}},
                         .resource = 1});
  trace.spans.push_back(
      {.span_id = id_of(3), .parent_span_id = id_of(8), .name = "o", .start = {1'200}, .end = {1'300}, .resource = 1});
  return trace;
}

// The names of the spans that a query leaves; spansets apart by '|'.
std::string found(std::string_view query, const model::Trace& trace = a_trace()) {
  const auto parsed = parse(query);
  if (!parsed) return parsed.error().message;
  std::string names;
  for (const Spanset& spanset : evaluate(*parsed, trace)) {
    if (!names.empty()) names += "|";
    for (const MatchedSpan& matched : spanset.spans) names += trace.spans[matched.span].name;
  }
  EXPECT_EQ(matches(*parsed, trace), !names.empty()) << query;
  return names;
}

void expect_found(std::initializer_list<std::pair<std::string_view, std::string_view>> cases) {
  for (const auto& [query, names] : cases) EXPECT_EQ(found(query), names) << query;
}

TEST(EvaluateTest, an_empty_filter_finds_every_span) {
  EXPECT_EQ(found("{ }"), "abo");
  EXPECT_EQ(found("{ }", model::Trace()), "");
  EXPECT_EQ(found("{ false }"), "");
}

TEST(EvaluateTest, intrinsics_of_spans) {
  expect_found({
      {R"({ name = "a" })", "a"},
      {"{ status = error }", "a"},
      {"{ status != error }", "bo"},
      {R"({ statusMessage = "boom" })", "a"},
      {R"({ statusMessage = "" })", "bo"},
      {"{ kind = client }", "b"},
      {"{ kind = unspecified }", "o"},
      {"{ duration >= 150ns }", "a"},
      {"{ duration < 0 }", "b"},
      {"{ span:childCount = 1 }", "a"},
      {"{ span:childCount = 0 }", "bo"},
      {R"({ span:id = "2" })", "b"},
      {R"({ span:parentID = "0000000000000001" })", "b"},
      {"{ parent = nil }", "a"},
      {"{ span:parentID != nil }", "bo"},
      {"{ nestedSetParent = -1 }", "a"},
      {R"({ instrumentation:name = "lib" && instrumentation:version =~ "1.*" })", "abo"},
  });
}

TEST(EvaluateTest, intrinsics_of_the_trace_are_the_same_on_every_span) {
  expect_found({
      {R"({ trace:id = "7" })", "abo"},
      {"{ traceDuration = 300ns }", "abo"},
      {R"({ rootName = "a" && rootServiceName = "cart" })", "abo"},
      {R"({ trace:rootName != "a" })", ""},
  });
}

TEST(EvaluateTest, a_trace_without_a_root_has_no_root_name) {
  model::Trace trace = a_trace();
  trace.spans.erase(trace.spans.begin());
  EXPECT_EQ(found(R"({ rootName != "" })", trace), "");
  EXPECT_EQ(found("{ rootName = nil && rootServiceName = nil }", trace), "bo");
}

TEST(EvaluateTest, attributes_are_looked_up_in_their_scope) {
  expect_found({
      {R"({ span.text = "abc" })", "a"},
      {R"({ resource.text = "abc" })", ""},
      {R"({ resource.host = "h1" })", "a"},
      {R"({ span.host = "h1" })", ""},
      {R"({ resource.service.name = "shop" })", "bo"},
      {R"({ instrumentation.scope.key = "s" })", "abo"},
      {R"({ event.type = "B" })", "a"},
      {R"({ link.ref = "child_of" })", "a"},
      {R"({ span."a b" = 1 })", "a"},
  });
}

TEST(EvaluateTest, an_unscoped_attribute_is_of_the_first_place_that_has_it) {
  expect_found({
      {R"({ .both = "span" })", "a"},
      {R"({ .both = "resource" })", "bo"},
      {R"({ .host = "h1" })", "a"},
      {R"({ .scope.key = "s" })", "abo"},
      {R"({ .type = "B" })", "a"},
      {R"({ .ref = "child_of" })", "a"},
  });
}

TEST(EvaluateTest, an_absent_attribute_equals_and_differs_from_nothing) {
  expect_found({
      {R"({ .absent = "x" })", ""},
      {R"({ .absent != "x" })", ""},
      {R"({ .absent !~ "x" })", ""},
      {"{ .absent = nil }", "abo"},
      {"{ .int != nil }", "ab"},
      {"{ .int = nil }", "o"},
      {"{ .empty = nil }", "abo"},
      {R"({ !(.absent = "x") })", "abo"},
      {"{ .absent < .int }", ""},
      {"{ .absent = .absent }", ""},
  });
}

TEST(EvaluateTest, a_comparison_across_types_holds_nowhere) {
  expect_found({
      {R"({ .int = "500" })", ""},
      {R"({ .int != "500" })", ""},
      {"{ .text > 1 }", ""},
      {"{ .flag = 1 }", ""},
  });
}

TEST(EvaluateTest, an_attribute_alone_means_true) {
  expect_found({
      {"{ .flag }", "a"},
      {"{ .off }", ""},
      {"{ .text }", ""},
      {"{ !.off }", "a"},
      {"{ !.flag }", ""},
      {"{ !.absent }", ""},
      {"{ .absent || .flag }", "a"},
      {"{ .flag && .int = 500 }", "a"},
      {"{ (.flag && true) = true }", "a"},
  });
}

TEST(EvaluateTest, of_an_array_one_element_is_enough) {
  expect_found({
      {R"({ .list = "y" })", "a"},
      {R"({ .list =~ "x|z" })", "a"},
      {R"({ .list != "y" })", ""},
      {R"({ .list != "z" })", "a"},
      {"{ .list != nil }", "a"},
  });
}

TEST(EvaluateTest, of_events_and_links_one_is_enough_and_any_may_differ) {
  expect_found({
      {R"({ event:name = "log" })", "a"},
      {R"({ event:name != "log" })", "a"},
      {"{ event:timeSinceStart > 40ns }", "a"},
      {"{ event:timeSinceStart > 50ns }", ""},
      {R"({ event.type = "A" && event.type = "B" })", "a"},
      {R"({ !(event.type = "A") })", "bo"},
      {"{ event.n = nil }", "bo"},
      {R"({ link:spanID = "9" })", "a"},
      {R"({ link:traceID = "aa000000000000000000000000000000" })", "a"},
      {"{ link:spanID = nil }", "bo"},
  });
}

TEST(EvaluateTest, parent_looks_at_the_parent_span) {
  expect_found({
      {"{ parent.int = 500 }", "b"},
      {R"({ parent.resource.host = "h1" })", "b"},
      {"{ parent.int = nil }", "ao"},
      {"{ parent.int > span.int }", "b"},
  });
}

TEST(EvaluateTest, arithmetic) {
  expect_found({
      {"{ .int + 1 = 501 }", "a"},
      {"{ .int % 2 = 1 }", "b"},
      {"{ .int / 2 = 3 }", "b"},
      {"{ .int / 2.0 = 3.5 }", "b"},
      {"{ .int / 0 = nil }", "abo"},
      {"{ -.int = -7 }", "b"},
      {"{ .int ^ 2 = 49 }", "b"},
      {"{ 2 ^ 0.5 < .double }", "a"},
      {"{ duration * 2 = 300ns }", "a"},
      {"{ duration / 150ns = 1 }", "a"},
      {"{ traceDuration - duration = 150ns }", "a"},
      {"{ .text + 1 = nil }", "abo"},
      {"{ .double > 1 && .double < 2 }", "a"},
      {"{ maxInt + 1 = minInt }", "abo"},
      {"{ minInt / -1 = minInt }", "abo"},
      {"{ minInt % -1 = 0 }", "abo"},
  });
}

TEST(EvaluateTest, spansets_join) {
  expect_found({
      {R"({ name = "a" } && { name = "b" })", "ab"},
      {R"({ name = "a" } && { name = "nobody" })", ""},
      {R"({ name = "a" } || { name = "nobody" })", "a"},
      {R"({ name = "a" } || { name = "b" } && { name = "nobody" })", ""},
      {R"({ name = "a" } || ({ name = "b" } && { name = "nobody" }))", "a"},
      {R"({ name = "a" } >> { kind = client })", "b"},
  });
}

TEST(EvaluateTest, each_stage_takes_what_the_one_before_leaves) {
  expect_found({
      {R"({ resource.service.name = "shop" } | { kind = client })", "b"},
      {R"({ kind = client } | { status = error })", ""},
      {"{ } | count() > 2 | { status = error }", "a"},
      {"{ status = error } | count() > 2", ""},
      {R"(({ kind = server } | count() = 1) >> ({ } | { .int = 7 }))", "b"},
      {R"(({ name = "a" } | count() > 5) || { name = "o" })", "o"},
  });
}

TEST(EvaluateTest, aggregates) {
  expect_found({
      {"count() = 3", "abo"},
      {"{ } | count() != 3", ""},
      {"{ } | sum(.int) = 507", "abo"},
      {"{ } | avg(.int) = 253.5", "abo"},
      {"{ } | min(.int) = 7", "abo"},
      {"{ } | max(duration) = 150ns", "abo"},
      {"{ } | sum(duration) = 240ns", "abo"},
      {"{ } | max(.text) > 0", ""},
      {"{ } | max(.absent) != 1", ""},
      {"{ } | max(.int) - min(.int) > 400", "abo"},
      {"{ } | max(.int * 2) = 1000", "abo"},
      {"({ status = error } | count()) < ({ kind != server } | count())", "abo"},
      {"({ kind = server } | count()) = 1", "a"},
      {"({ false } | count()) = 0", "abo"},
      {"({ false } | max(.int)) = 0", ""},
  });
}

TEST(EvaluateTest, by_makes_a_spanset_of_each_value) {
  expect_found({
      {"{ } | by(resource.service.name)", "a|bo"},
      {"{ } | by(resource.service.name) | count() > 1", "bo"},
      {"{ } | by(resource.service.name) | { kind != client }", "a|o"},
      {"{ } | by(resource.service.name) | by(kind)", "a|b|o"},
      {"{ } | by(resource.service.name) | coalesce()", "abo"},
      {"{ } | by(.int)", "a|b|o"},
      {"{ } | by(duration > 100ns)", "a|bo"},
      {"({ } | by(name)) && { }", "abo"},
  });
}

TEST(EvaluateTest, results_show_groups_aggregates_and_fields) {
  const Query query =
      parse("{ status = error } | by(kind) | count() > 0 | select(span.int, duration, event:name, rootName)").value();
  const std::vector<Spanset> result = evaluate(query, a_trace());
  ASSERT_EQ(result.size(), 1);
  EXPECT_EQ(result[0].values, (std::vector<NamedValue>{{"by(kind)", "server"}, {"count()", 1}}));
  ASSERT_EQ(result[0].spans.size(), 1);
  EXPECT_EQ(result[0].spans[0].selected,
            (std::vector<NamedValue>{
                {"status", "error"}, {"span.int", 500}, {"duration", 150}, {"event:name", "exception"}}));
}

TEST(EvaluateTest, more_values_than_16_are_not_shown) {
  std::string text = "{ }";
  for (int i = 0; i < 20; ++i) text += " | by(.a" + std::to_string(i) + ") | count() > 0";
  EXPECT_EQ(evaluate(parse(text).value(), a_trace()).front().values.size(), kShownValuesMax);
}

TEST(EvaluateTest, of_two_fields_of_events_the_right_ones_first_counts) {
  expect_found({
      {R"({ event.type = event.type })", "a"},
      {R"({ event.type < event.type })", ""},
      {R"({ event.type > event.type })", "a"},
      {R"({ span.double > event.n })", "a"},
      {R"({ event.n < span.double })", "a"},
  });
}

TEST(EvaluateTest, a_metrics_query_leaves_what_its_pipeline_leaves) {
  EXPECT_EQ(found("{ kind = client } | rate() by (name)"), "b");
}

TEST(EvaluateTest, a_long_chain_is_evaluated_without_recursion) {
  std::string text = "{ .absent";
  for (size_t i = 0; i < 1000; ++i) text += " || .int = " + std::to_string(i);
  EXPECT_EQ(found(text + " }"), "ab");
}

TEST(EvaluateTest, matching_spans_and_values_are_by_index) {
  const Evaluator evaluator(parse("{ .int > 5 } >> { kind = client }").value());
  const std::vector<NodeId> filters = leaf_filters(evaluator.query());
  EXPECT_EQ(evaluator.matching_spans(filters[0], a_trace()), (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(evaluator.matching_spans(filters[1], a_trace()), (std::vector<uint32_t>{1}));
  EXPECT_EQ(evaluator.values_of(FieldRef::attribute(Scope::Span, "int"), a_trace()),
            (std::vector<TypedValue>{TypedValue::integer(500), TypedValue::integer(7), {}}));
}

// Both sides of each law, on random traces.
TEST(EvaluateTest, laws_hold_on_random_traces) {
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    base::Random random(seed);
    RandomQueries queries(random);
    const model::Trace trace = RandomTraces(random).trace();
    const std::string a = queries.boolean(2);
    const std::string b = queries.boolean(2);
    const auto spans = [&](const std::string& text) {
      const Evaluator evaluator(parse(text).value());
      return evaluator.matching_spans(leaf_filters(evaluator.query()).front(), trace);
    };
    const auto joined = [](std::string_view left, std::string_view op, std::string_view right) {
      return "{ (" + std::string(left) + ") " + std::string(op) + " (" + std::string(right) + ") }";
    };
    ASSERT_EQ(spans(joined(a, "&&", b)), spans(joined(b, "&&", a))) << seed << ": " << a << "\n" << b;
    ASSERT_EQ(spans(joined(a, "||", b)), spans(joined(b, "||", a))) << seed << ": " << a << "\n" << b;
    const size_t all = spans("{ (" + a + ") && true }").size() + spans("{ !((" + a + ") && true) }").size();
    ASSERT_EQ(all, trace.spans.size()) << seed << ": " << a;
  }
}

// What is printed is evaluated alike.
TEST(EvaluateTest, random_queries_end_and_match_as_their_print_does) {
  size_t matched = 0;
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    base::Random random(seed);
    const Query query = parse(RandomQueries(random).query()).value();
    const model::Trace trace = RandomTraces(random).trace();
    const std::vector<Spanset> result = evaluate(query, trace);
    ASSERT_EQ(evaluate(parse(print(query)).value(), trace), result) << seed;
    ASSERT_EQ(matches(query, trace), !result.empty()) << seed;
    for (const Spanset& spanset : result) {
      ASSERT_FALSE(spanset.spans.empty()) << seed;
      ASSERT_TRUE(std::ranges::is_sorted(spanset.spans, std::less(), &MatchedSpan::span)) << seed;
    }
    matched += result.empty() ? 0 : 1;
  }
  EXPECT_GT(matched, 500);
  EXPECT_LT(matched, 4'500);
}

}  // namespace
}  // namespace backstitch::traceql
