// The tracestate cases of the W3C's test suite (github.com/w3c/trace-context, test/test.py), named as there, and the
// list's own operations.
#include "wire/context/trace_state.h"

#include <gtest/gtest.h>
#include <vector>

#include "wire/context/context_testing.h"
#include "wire/context/trace_context.h"

namespace backstitch::wire::context {
namespace {

using Lines = std::vector<std::string>;

std::string repeat(char c, size_t count) { return std::string(count, c); }

// Members bar01=01 … as the suite's test_tracestate_member_count_limit has them.
std::string numbered(int first, int last) {
  std::string out;
  for (int i = first; i <= last; ++i) {
    const std::string number = (i < 10 ? "0" : "") + std::to_string(i);
    out += (out.empty() ? "bar" : ",bar") + number + "=" + number;
  }
  return out;
}

constexpr std::string_view kTraceId = "12345678901234567890123456789012";

// What of the tracestate lines goes on, "" for nothing. The trace must go on whatever they hold.
std::string carried(const Lines& lines, TraceStateGrammar grammar) {
  Headers headers{{"traceparent", "00-" + std::string(kTraceId) + "-1234567890123456-00"}};
  for (const std::string& line : lines) headers.emplace_back("tracestate", line);
  const TraceContextPropagator propagator({.tracestate_bytes_max = 16384, .grammar = grammar});
  const Extraction found = extract(propagator, headers);
  EXPECT_EQ(found.context.span.trace_id, trace_id(kTraceId));
  EXPECT_EQ(found.context.span.trace_state.empty() && !lines.empty() && lines != Lines{""},
            found.faults.count(Fault::TracestateMalformed) == 1);
  return found.context.span.trace_state.header();
}

struct Case {
  const char* suite_name;
  Lines lines;
  std::string carried;
};

const std::string kAllKeyChars = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
const std::string kAllValueChars = [] {
  std::string out;
  for (char c = 0x20; c < 0x7f; ++c) {
    if (c != ',' && c != '=') out += c;
  }
  return out;
}();

const Case kBothLevels[] = {
    {"test_tracestate_included_traceparent_included", {"foo=1,bar=2"}, "foo=1,bar=2"},
    {"test_tracestate_empty_header", {""}, ""},
    {"test_tracestate_empty_header", {"foo=1", ""}, "foo=1"},
    {"test_tracestate_empty_header", {"", "foo=1"}, "foo=1"},
    {"test_tracestate_multiple_headers_different_keys",
     {"foo=1,bar=2", "rojo=1,congo=2", "baz=3"},
     "foo=1,bar=2,rojo=1,congo=2,baz=3"},
    {"test_tracestate_duplicated_keys", {"foo=1,foo=1"}, ""},
    {"test_tracestate_duplicated_keys", {"foo=1,foo=2"}, ""},
    {"test_tracestate_duplicated_keys", {"foo=1", "foo=1"}, ""},
    {"test_tracestate_duplicated_keys", {"foo=1", "foo=2"}, ""},
    {"test_tracestate_all_allowed_characters",
     {kAllKeyChars + "=" + kAllValueChars},
     kAllKeyChars + "=" + kAllValueChars},
    {"test_tracestate_all_allowed_characters",
     {kAllKeyChars + "@a-z0-9_-*/=" + kAllValueChars},
     kAllKeyChars + "@a-z0-9_-*/=" + kAllValueChars},
    {"test_tracestate_ows_handling", {"foo=1 \t , \t bar=2, \t baz=3"}, "foo=1,bar=2,baz=3"},
    {"test_tracestate_ows_handling", {"foo=1\t \t,\t \tbar=2,\t \tbaz=3"}, "foo=1,bar=2,baz=3"},
    {"test_tracestate_ows_handling", {" foo=1"}, "foo=1"},
    {"test_tracestate_ows_handling", {"\tfoo=1"}, "foo=1"},
    {"test_tracestate_ows_handling", {"foo=1 "}, "foo=1"},
    {"test_tracestate_ows_handling", {"foo=1\t"}, "foo=1"},
    {"test_tracestate_ows_handling", {"\t foo=1 \t"}, "foo=1"},
    {"test_tracestate_key_illegal_characters", {"foo =1"}, ""},
    {"test_tracestate_key_illegal_characters", {"FOO=1"}, ""},
    {"test_tracestate_key_illegal_characters", {"foo.bar=1"}, ""},
    {"test_tracestate_key_illegal_vendor_format", {"@foo=1,bar=2"}, ""},
    {"test_tracestate_member_count_limit",
     {numbered(1, 10), numbered(11, 20), numbered(21, 30), numbered(31, 32)},
     numbered(1, 32)},
    {"test_tracestate_member_count_limit", {numbered(1, 10), numbered(11, 20), numbered(21, 30), numbered(31, 33)}, ""},
    {"test_tracestate_key_length_limit", {"foo=1", repeat('z', 256) + "=1"}, "foo=1," + repeat('z', 256) + "=1"},
    {"test_tracestate_key_length_limit", {"foo=1", repeat('z', 257) + "=1"}, ""},
    {"test_tracestate_key_length_limit",
     {"foo=1", repeat('t', 241) + "@" + repeat('v', 14) + "=1"},
     "foo=1," + repeat('t', 241) + "@" + repeat('v', 14) + "=1"},
    {"test_tracestate_value_illegal_characters", {"foo=bar=baz"}, ""},
    {"test_tracestate_value_illegal_characters", {"foo=,bar=3"}, ""},
    {"(a value of 256 characters)", {"a=" + repeat('v', 256)}, "a=" + repeat('v', 256)},
    {"(a value of 257 characters)", {"a=" + repeat('v', 257)}, ""},
    {"(spaces before a value are its own)", {"foo=  1"}, "foo=  1"},
    {"(no control characters)", {"foo=a\x01z"}, ""},
    {"(nothing beyond ASCII)", {"foo=\xc3\xa9"}, ""},
    {"(a member without a value)", {"foo"}, ""},
};

TEST(TraceState, cases_of_the_w3c_suite_that_both_levels_share) {
  for (const Case& one : kBothLevels) {
    for (const auto grammar : {TraceStateGrammar::Level1, TraceStateGrammar::Level2}) {
      SCOPED_TRACE(one.suite_name);
      EXPECT_EQ(carried(one.lines, grammar), one.carried) << testing::PrintToString(one.lines);
    }
  }
}

TEST(TraceState, keys_that_level_2_allows_and_level_1_does_not) {
  const Case cases[] = {
      {"test_tracestate_key_illegal_vendor_format", {"foo@=1,bar=2"}, ""},
      {"test_tracestate_key_illegal_vendor_format", {"foo@@bar=1,bar=2"}, ""},
      {"test_tracestate_key_illegal_vendor_format", {"foo@bar@baz=1,bar=2"}, ""},
      {"test_tracestate_key_length_limit", {"foo=1," + repeat('t', 242) + "@v=1"}, ""},
      {"test_tracestate_key_length_limit", {"foo=1,t@" + repeat('v', 15) + "=1"}, ""},
      {"(a simple key that begins with a digit)", {"1a=1"}, ""},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.suite_name);
    EXPECT_EQ(carried(one.lines, TraceStateGrammar::Level1), "");
    EXPECT_EQ(carried(one.lines, TraceStateGrammar::Level2), one.lines[0]);
  }
}

TraceState state_of(std::string_view header) { return TraceState::parse(std::span(&header, 1)).value(); }

TEST(TraceState, a_member_that_is_set_moves_to_the_front) {
  TraceState state = state_of("rojo=1,congo=2");
  EXPECT_TRUE(state.set("congo", "3"));
  EXPECT_EQ(state.header(), "congo=3,rojo=1");
  EXPECT_TRUE(state.set("bs", "4"));
  EXPECT_EQ(state.header(), "bs=4,congo=3,rojo=1");
  EXPECT_EQ(state.get("congo"), "3");
  EXPECT_EQ(state.get("con"), std::nullopt);
  state.erase("congo");
  EXPECT_EQ(state.header(), "bs=4,rojo=1");
  EXPECT_EQ(state.member_count(), 2u);
}

TEST(TraceState, what_breaks_the_grammar_is_not_set) {
  TraceState state = state_of("rojo=1");
  for (const auto& [key, value] : {std::pair{"", "1"}, {"Rojo", "1"}, {"a", ""}, {"a", "x,y=z"}, {"a", "x "}}) {
    EXPECT_FALSE(state.set(key, value));
  }
  EXPECT_EQ(state.header(), "rojo=1");
}

TEST(TraceState, a_full_list_loses_its_last_member_to_a_new_one) {
  TraceState state = state_of(numbered(1, 32));
  EXPECT_TRUE(state.set("new", "1"));
  EXPECT_EQ(state.header(), "new=1," + numbered(1, 31));
}

TEST(TraceState, long_members_are_left_out_first_and_then_the_last) {
  const std::string long1 = "long1=" + repeat('x', 123);  // 129 characters
  const std::string long2 = "long2=" + repeat('x', 200);
  const std::string edge = "edge=" + repeat('x', 123);  // 128 characters: not long
  const TraceState state = state_of(long1 + ",a=1," + long2 + "," + edge + ",b=2");
  EXPECT_EQ(state.truncated(1000), state.header());
  EXPECT_EQ(state.truncated(state.header().size() - 1), long1 + ",a=1," + edge + ",b=2");
  EXPECT_EQ(state.truncated(200), "a=1," + edge + ",b=2");
  EXPECT_EQ(state.truncated(133), "a=1," + edge);
  EXPECT_EQ(state.truncated(10), "a=1");
  EXPECT_EQ(state.truncated(0), "");
}

TEST(TraceState, truncation_never_passes_its_limit_and_keeps_whole_members) {
  const TraceState state = state_of(numbered(1, 32));
  for (size_t max = 0; max <= state.header().size(); ++max) {
    const std::string cut = state.truncated(max);
    EXPECT_LE(cut.size(), max);
    EXPECT_TRUE(state.header().starts_with(cut));
    EXPECT_TRUE(cut.empty() || cut.size() == state.header().size() || state.header()[cut.size()] == ',');
  }
}

}  // namespace
}  // namespace backstitch::wire::context
