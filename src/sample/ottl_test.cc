#include "sample/ottl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample/ottl_case.h"
#include "sample/ottl_cases_testing.h"
#include "sample/ottl_lexer.h"
#include "sample/ottl_parser.h"

namespace backstitch::sample {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

std::string refusal(std::string_view text, OttlContext context = OttlContext::Span) {
  const base::Result<OttlTree> tree = parse_ottl(text, context);
  return tree ? "" : tree.error().message;
}

TEST(OttlParse, unknown_path_is_named_with_its_place_and_the_nearest) {
  EXPECT_EQ(refusal(R"(name == "a" and nam == "b")"), "1:17: there is no path 'nam'; did you mean 'name'?");
  EXPECT_EQ(refusal("status.cod == 2"), "1:1: there is no path 'status.cod'; did you mean 'status.code'?");
  EXPECT_EQ(refusal("colour == 2"), "1:1: there is no path 'colour'");
}

TEST(OttlParse, line_and_column_count_characters) {
  EXPECT_EQ(refusal("name == \"ä\"\n  and 5"), "2:8: expected a comparison (== != < <= > >=) after 5, found the end");
}

TEST(OttlParse, path_alone_is_no_condition) {
  EXPECT_EQ(refusal(R"(attributes["ok"])"),
            R"(1:17: expected a comparison (== != < <= > >=) after attributes["ok"], found the end)");
}

TEST(OttlParse, unknown_converter_is_named_with_the_nearest) {
  EXPECT_EQ(refusal(R"(IsMach(name, "a"))"), "1:1: there is no converter 'IsMach'; did you mean 'IsMatch'?");
  EXPECT_EQ(refusal(R"(isMatch(name, "a"))"), "1:1: there is no converter 'isMatch'; converters begin with a capital");
}

TEST(OttlParse, what_the_collector_knows_and_we_do_not_is_refused_by_name) {
  EXPECT_EQ(refusal(R"(Concat(["a"], "") == "a")"), "1:1: the converter 'Concat' is not supported here");
  EXPECT_EQ(refusal("dropped_links_count > 0"),
            "1:1: 'dropped_links_count' is not read here, though the Collector knows it");
  EXPECT_EQ(refusal(R"(name == "a" or otelcol.client.addr == "b")"),
            "1:16: 'otelcol' is the Collector's own; it has no meaning here");
  EXPECT_EQ(refusal(R"(trace_state["a"] == "b")"),
            "1:1: a single key of trace_state is not read here; use a trace_state policy");
  EXPECT_EQ(refusal(R"(attributes["l"] == ["a"])"), "1:20: list literals are not supported here");
  EXPECT_EQ(refusal(R"(attributes["m"] == {"a": 1})"), "1:20: map literals are not supported here");
}

TEST(OttlParse, operators_of_other_languages_name_ours) {
  EXPECT_EQ(refusal(R"(name == "a" && true)"), "1:13: '&' means nothing here; write 'and'");
  EXPECT_EQ(refusal(R"(name == "a" || true)"), "1:13: '|' means nothing here; write 'or'");
  EXPECT_EQ(refusal(R"(!IsRootSpan())"), "1:1: '!' means nothing here; write 'not'");
  EXPECT_EQ(refusal("name == 'a'"), "1:9: a string stands between double quotes (\")");
}

TEST(OttlParse, string_without_end_names_its_start) {
  EXPECT_EQ(refusal(R"(name == "abc)"), "1:9: this string has no end");
}

TEST(OttlParse, escapes_are_gos) {
  EXPECT_EQ(refusal(R"(IsMatch(name, "\d+"))"), R"(1:16: '\d' is no escape; a backslash itself is written \\)");
  EXPECT_EQ(refusal(R"(IsMatch(name, "\\d+"))"), "");
}

TEST(OttlParse, pattern_that_is_no_re2_says_why) {
  EXPECT_THAT(refusal(R"(IsMatch(name, "("))"), StartsWith("1:15: this is no RE2 pattern: "));
}

TEST(OttlParse, number_of_arguments_is_told) {
  EXPECT_EQ(refusal("IsMatch(name)"), "1:1: IsMatch takes 2 arguments, here are 1");
  EXPECT_EQ(refusal(R"(IsRootSpan("a"))"), "1:1: IsRootSpan takes 0 arguments, here are 1");
}

TEST(OttlParse, event_is_out_of_sight_of_a_span) {
  EXPECT_EQ(refusal(R"(spanevent.name == "a")"), "1:1: a span's condition sees no event; put it under 'spanevent'");
  EXPECT_EQ(refusal(R"(spanevent.name == "a")", OttlContext::SpanEvent), "");
  EXPECT_EQ(refusal("IsRootSpan()", OttlContext::SpanEvent),
            "1:1: IsRootSpan stands in conditions of spans, not of events");
}

TEST(OttlParse, nesting_is_bounded) {
  const auto nested = [](size_t depth) { return std::string(depth, '(') + "true" + std::string(depth, ')'); };
  EXPECT_EQ(refusal(nested(kOttlNestingMax)), "");
  EXPECT_EQ(refusal(nested(kOttlNestingMax + 1)), "1:65: nested more than 64 deep");
}

TEST(OttlParse, length_is_bounded) {
  EXPECT_EQ(refusal(std::string(kOttlTextBytesMax + 1, ' ')), "a condition may have 8192 bytes, this one has 8193");
}

TEST(Ottl, condition_tells_which_fields_it_reads) {
  SpanFields fields;
  const auto condition =
      compile_ottl({.span = {R"(attributes["a"] == resource.attributes["b"])",
                             R"(scope.attributes["c"] == nil and status.message == attributes["a"])"},
                    .span_event = {R"(attributes["d"] == flags)"}},
                   fields);
  EXPECT_FALSE(condition.has_value()) << "an event has no flags";
  EXPECT_EQ(fields, SpanFields{});

  ASSERT_TRUE(compile_ottl({.span = {R"(attributes["a"] == resource.attributes["b"])",
                                     R"(scope.attributes["c"] == nil and status.message == attributes["a"])"},
                            .span_event = {R"(attributes["d"] == span.flags)"}},
                           fields)
                  .has_value());
  EXPECT_THAT(fields.span, ElementsAre("a"));
  EXPECT_THAT(fields.resource, ElementsAre("b"));
  EXPECT_THAT(fields.scope, ElementsAre("c"));
  EXPECT_THAT(fields.event, ElementsAre("d"));
  EXPECT_TRUE(fields.status_message && fields.flags && fields.events);
  EXPECT_FALSE(fields.trace_state || fields.scope_name_and_version);
}

TEST(Ottl, condition_of_names_alone_reads_no_attributes) {
  SpanFields fields;
  ASSERT_TRUE(compile_ottl({.span = {R"(name == "a" and kind == SPAN_KIND_SERVER)"}}, fields).has_value());
  EXPECT_EQ(fields, SpanFields{});
}

TEST(Ottl, mistake_names_its_condition) {
  SpanFields fields;
  const auto condition = compile_ottl({.span = {"true", "nam == 1"}}, fields);
  ASSERT_FALSE(condition.has_value());
  EXPECT_EQ(condition.error().message, "span[1]: 1:1: there is no path 'nam'; did you mean 'name'?");
}

TEST(Ottl, policy_without_conditions_is_refused) {
  SpanFields fields;
  EXPECT_FALSE(compile_ottl({}, fields).has_value());
}

TEST(Ottl, match_on_an_event_counts_more_than_an_error_on_another) {
  OttlCaseSpan span;
  span.events.push_back({.name = "first", .time = {1}, .attributes = {}});
  span.events.push_back({.name = "second", .time = {2}, .attributes = {{"n", int64_t{4}}}});
  const auto outcome = [&](ErrorMode mode, std::string condition) {
    SpanFields fields;
    const auto compiled = compile_ottl({.error_mode = mode, .span = {}, .span_event = {std::move(condition)}}, fields);
    return (*compiled)->matches(OttlCaseInput(span, fields).input());
  };
  EXPECT_EQ(outcome(ErrorMode::Propagate, R"(attributes["n"] + 1 == 5)"), Outcome::Match);
  EXPECT_EQ(outcome(ErrorMode::Propagate, R"(attributes["n"] + 1 == 6)"), Outcome::Error);
  EXPECT_EQ(outcome(ErrorMode::Ignore, R"(attributes["n"] + 1 == 6)"), Outcome::NoMatch);
}

TEST(Ottl, list_whose_elements_are_not_at_hand_cannot_be_evaluated) {
  SpanFields fields;
  const auto condition =
      compile_ottl({.error_mode = ErrorMode::Propagate, .span = {R"(Len(attributes["l"]) == 2)"}}, fields);
  const OttlCaseSpan span;
  ValueView list;
  list.kind = ValueView::Kind::Array;
  const std::array<ValueView, 1> values = {list};
  SpanInput input;
  input.span = &span.view;
  input.attributes = values;
  EXPECT_EQ((*condition)->matches(input), Outcome::Error);
}

TEST(OttlCase, letters_follow_unicode) {
  EXPECT_EQ(to_lower("ÄÖÜ ΣΑΣ Straße"), "äöü σασ straße");
  EXPECT_EQ(to_upper("äöü ÿ ǆ"), "ÄÖÜ Ÿ Ǆ");
  EXPECT_EQ(to_lower("A\xff"), "a\xef\xbf\xbd");
}

TEST(OttlLexer, every_beginning_of_a_condition_ends_in_tokens_or_in_a_refusal) {
  const std::string text = R"(not (attributes["a\u00e4"] >= -1.5e3 + 0x0aff) or IsMatch(name, "^\x41"))";
  for (size_t size = 0; size <= text.size(); ++size) {
    const auto tokens = tokenize_ottl(std::string_view(text).substr(0, size));
    if (tokens) {
      EXPECT_EQ(tokens->back().kind, OttlTokenKind::End);
    } else {
      EXPECT_FALSE(tokens.error().message.empty());
    }
    (void)refusal(std::string_view(text).substr(0, size));
  }
}

}  // namespace
}  // namespace backstitch::sample
