#include "traceql/tag_query.h"

#include <gtest/gtest.h>

#include "traceql/analysis.h"
#include "traceql/evaluate.h"
#include "traceql/print.h"

namespace backstitch::traceql {
namespace {

using model::Value;
using std::chrono::nanoseconds;

std::string printed(const TagSearch& search) { return print(tag_query(search)); }

std::string refusal(std::string_view text) {
  const auto tags = parse_logfmt(text);
  return tags ? "" : tags.error().message;
}

// Two spans: a server span of cart that failed, and a client span of a resource without a name below it.
model::Trace a_trace() {
  model::Trace trace;
  trace.resources = {{.attributes = {{"service.name", "cart"}, {"host", "h1"}}}, {}};
  trace.scopes = {{.name = "lib", .attributes = {{"scope.key", "s"}, {"both", "scope"}}}};
  trace.spans.push_back({.name = "GET /cart",
                         .kind = model::SpanKind::Server,
                         .start = {100},
                         .end = {150},
                         .attributes = {{"int", 500},
                                        {"double", 1.5},
                                        {"digits", "500"},
                                        {"flag", true},
                                        {"bytes", model::Bytes{"x"}},
                                        {"list", model::Array{{1, 2}}},
                                        {"empty", Value()},
                                        {"both", "span"},
                                        {"twice", "first"},
                                        {"twice", "second"}},
                         .events = {{.attributes = {{"exception.type", "A"}}},
                                    {.attributes = {{"exception.type", "B"}, {"both", "event"}}}},
                         .links = {{.attributes = {{"linked", "x"}}}},
                         .status = {.code = model::StatusCode::Error}});
  trace.spans.push_back(
      {.name = "GET /shop", .kind = model::SpanKind::Client, .start = {100}, .end = {90}, .resource = 1});
  return trace;
}

bool finds(const TagSearch& search) { return matches(tag_query(search), a_trace()); }
bool finds(std::string key, std::string value) { return finds({.tags = {{std::move(key), std::move(value)}}}); }

TEST(TagQueryTest, a_search_becomes_one_filter_and_one_for_each_duration) {
  EXPECT_EQ(printed({}), "{ }");
  EXPECT_EQ(printed({.service = "cart"}), R"({ service = "cart" })");
  EXPECT_EQ(printed({.service = "cart", .operation = "GET /", .tags = {{"a b", "1"}}}),
            R"({ service = "cart" && name = "GET /" && text(tag."a b") = "1" })");
  EXPECT_EQ(printed({.duration_min = nanoseconds(5)}), "{ duration >= 5ns }");
  EXPECT_EQ(printed({.operation = "x", .duration_min = nanoseconds(5), .duration_max = nanoseconds(9)}),
            R"({ name = "x" } && { duration >= 5ns } && { duration <= 9ns })");
}

TEST(TagQueryTest, error_and_kind_are_fields) {
  EXPECT_EQ(printed({.tags = {{"error", "true"}}}), "{ status = error }");
  EXPECT_EQ(printed({.tags = {{"error", "false"}}}), "{ status != error }");
  EXPECT_EQ(printed({.tags = {{"error", "timeout"}}}), R"({ text(tag.error) = "timeout" })");
  EXPECT_EQ(printed({.tags = {{"span.kind", "client"}}}), "{ kind = client }");
  EXPECT_EQ(printed({.tags = {{"span.kind", "no kind"}}}), R"({ text(kind) = "no kind" })");
}

TEST(TagQueryTest, everything_of_one_search_but_durations_is_on_one_span) {
  EXPECT_TRUE(finds({.service = "cart", .operation = "GET /cart", .tags = {{"int", "500"}}}));
  EXPECT_FALSE(finds({.service = "cart", .operation = "GET /shop"}));
  EXPECT_TRUE(finds({.operation = "GET /shop", .duration_min = nanoseconds(50)}));
  EXPECT_TRUE(finds({.duration_min = nanoseconds(50), .duration_max = nanoseconds(-10)}));
  EXPECT_FALSE(finds({.duration_min = nanoseconds(51)}));
}

TEST(TagQueryTest, nothing_asked_finds_every_trace_with_a_span) {
  EXPECT_TRUE(finds(TagSearch()));
  EXPECT_FALSE(matches(tag_query({}), model::Trace()));
}

TEST(TagQueryTest, a_resource_without_a_name_is_an_unknown_service) {
  EXPECT_TRUE(finds({.service = "unknown_service", .operation = "GET /shop"}));
  EXPECT_FALSE(finds({.service = "cart", .operation = "GET /shop"}));
}

TEST(TagQueryTest, tags_compare_by_text) {
  EXPECT_TRUE(finds("int", "500"));
  EXPECT_TRUE(finds("digits", "500"));
  EXPECT_TRUE(finds("double", "1.5"));
  EXPECT_TRUE(finds("flag", "true"));
  EXPECT_TRUE(finds("bytes", "eA=="));
  EXPECT_TRUE(finds("list", "[1,2]"));
  EXPECT_TRUE(finds("empty", ""));
  EXPECT_FALSE(finds("int", "500.0"));
  EXPECT_FALSE(finds("absent", ""));
  EXPECT_TRUE(finds("span.kind", "server"));
  EXPECT_FALSE(finds("span.kind", "producer"));
  EXPECT_FALSE(finds("span.kind", "no kind"));
}

TEST(TagQueryTest, tags_are_of_the_span_its_resource_scope_or_events_and_the_first_decides) {
  EXPECT_TRUE(finds("host", "h1"));
  EXPECT_TRUE(finds("scope.key", "s"));
  EXPECT_TRUE(finds("exception.type", "A"));
  EXPECT_TRUE(finds("exception.type", "B"));
  EXPECT_FALSE(finds("exception.type", "C"));
  EXPECT_FALSE(finds("linked", "x"));
  EXPECT_TRUE(finds("twice", "first"));
  EXPECT_FALSE(finds("twice", "second"));
  EXPECT_FALSE(finds("both", "event"));
  EXPECT_TRUE(finds({.operation = "GET /shop", .tags = {{"both", "scope"}}}));
}

TEST(TagQueryTest, a_search_without_durations_is_a_single_filter) {
  EXPECT_TRUE(is_single_filter(tag_query({.service = "cart", .tags = {{"a", "b"}}})));
  EXPECT_FALSE(is_single_filter(tag_query({.service = "cart", .duration_max = nanoseconds(1)})));
}

TEST(TagQueryTest, pairs_are_read_in_order) {
  EXPECT_EQ(parse_logfmt("http.status_code=500 user.id=7").value(),
            (std::vector<Tag>{{"http.status_code", "500"}, {"user.id", "7"}}));
}

TEST(TagQueryTest, quotes_hold_spaces_and_escapes) {
  EXPECT_EQ(parse_logfmt(R"(a="x y" b="say \"hi\"" c="back\\slash" d="")").value(),
            (std::vector<Tag>{{"a", "x y"}, {"b", "say \"hi\""}, {"c", "back\\slash"}, {"d", ""}}));
}

TEST(TagQueryTest, a_value_may_be_empty_and_may_hold_equals_signs) {
  EXPECT_EQ(parse_logfmt("a= b=x=y").value(), (std::vector<Tag>{{"a", ""}, {"b", "x=y"}}));
}

TEST(TagQueryTest, spaces_around_pairs_mean_nothing) {
  EXPECT_EQ(parse_logfmt(" \t a=1 \n").value(), (std::vector<Tag>{{"a", "1"}}));
  EXPECT_TRUE(parse_logfmt("").value().empty());
  EXPECT_TRUE(parse_logfmt("  ").value().empty());
}

TEST(TagQueryTest, what_is_no_pair_is_refused_with_its_offset) {
  EXPECT_EQ(refusal("a=1 word"), "tags, offset 8: 'word' has no '=' and value");
  EXPECT_EQ(refusal("a=1 =2"), "tags, offset 4: a key is missing");
  EXPECT_EQ(refusal("\"a\"=1"), "tags, offset 0: a key is missing");
  EXPECT_EQ(refusal("a=\"x"), "tags, offset 4: a quote is not closed");
  EXPECT_EQ(refusal("a=\"x\\"), "tags, offset 5: a quote is not closed");
  EXPECT_EQ(refusal("a=\"\\n\""), "tags, offset 4: only \\\" and \\\\ are escapes");
  EXPECT_EQ(refusal("a=\"x\"y"), "tags, offset 5: a closing quote needs a space after it");
  EXPECT_EQ(refusal("a=x\"y\""), "tags, offset 3: a quote stands inside a value");
}

TEST(TagQueryTest, more_than_64_pairs_are_refused) {
  std::string text;
  for (size_t i = 0; i < kTagPairsMax; ++i) text += "a=1 ";
  EXPECT_EQ(parse_logfmt(text)->size(), kTagPairsMax);
  EXPECT_EQ(refusal(text + "b=2"), "tags: more than 64 pairs");
}

TEST(TagQueryTest, every_short_text_is_taken_or_refused) {
  const std::string_view alphabet = "a=\" \\";
  for (size_t number = 0; number < 5 * 5 * 5 * 5 * 5 * 5; ++number) {
    std::string text;
    for (size_t rest = number; rest != 0; rest /= 5) text += alphabet[rest % 5];
    const auto tags = parse_logfmt(text);
    if (!tags) {
      EXPECT_EQ(tags.error().code, base::Errc::InvalidArgument) << text;
    }
  }
}

}  // namespace
}  // namespace backstitch::traceql
