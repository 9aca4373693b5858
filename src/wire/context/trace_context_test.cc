// The traceparent cases of the W3C's test suite (github.com/w3c/trace-context, test/test.py), named as there, and what
// level 2 adds.
#include "wire/context/trace_context.h"

#include <gtest/gtest.h>

#include "wire/context/context_testing.h"

namespace backstitch::wire::context {
namespace {

const std::string kTrace = "12345678901234567890123456789012";
const std::string kTraceparent = "00-" + kTrace + "-1234567890123456-01";

struct Case {
  const char* suite_name;
  Headers headers;
};

// The harness expects the trace to go on.
const Case kContinued[] = {
    {"test_traceparent_included_tracestate_missing", {{"traceparent", kTraceparent}}},
    {"test_traceparent_header_name_valid_casing", {{"TraceParent", kTraceparent}}},
    {"test_traceparent_header_name_valid_casing", {{"TrAcEpArEnT", kTraceparent}}},
    {"test_traceparent_header_name_valid_casing", {{"TRACEPARENT", kTraceparent}}},
    {"test_traceparent_version_0xcc", {{"traceparent", "cc-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_version_0xcc",
     {{"traceparent", "cc-" + kTrace + "-1234567890123456-01-what-the-future-will-be-like"}}},
    {"test_traceparent_ows_handling", {{"traceparent", " " + kTraceparent}}},
    {"test_traceparent_ows_handling", {{"traceparent", "\t" + kTraceparent}}},
    {"test_traceparent_ows_handling", {{"traceparent", kTraceparent + " "}}},
    {"test_traceparent_ows_handling", {{"traceparent", kTraceparent + "\t"}}},
    {"test_traceparent_ows_handling", {{"traceparent", "\t " + kTraceparent + " \t"}}},
    {"(a copy, as a proxy makes it)", {{"traceparent", kTraceparent}, {"Traceparent", kTraceparent}}},
};

// The harness expects a new trace.
const Case kRestarted[] = {
    {"test_traceparent_duplicated",
     {{"traceparent", "00-12345678901234567890123456789011-1234567890123456-01"}, {"traceparent", kTraceparent}}},
    {"(two that came as one line)", {{"traceparent", kTraceparent + "," + kTraceparent}}},
    {"test_traceparent_version_0x00", {{"traceparent", kTraceparent + "."}}},
    {"test_traceparent_version_0x00", {{"traceparent", kTraceparent + "-what-the-future-will-be-like"}}},
    {"test_traceparent_version_0xcc",
     {{"traceparent", "cc-" + kTrace + "-1234567890123456-01.what-the-future-will-be-like"}}},
    {"test_traceparent_version_0xff", {{"traceparent", "ff-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_version_illegal_characters", {{"traceparent", ".0-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_version_illegal_characters", {{"traceparent", "0.-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_version_too_long", {{"traceparent", "000-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_version_too_long", {{"traceparent", "0000-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_version_too_short", {{"traceparent", "0-" + kTrace + "-1234567890123456-01"}}},
    {"test_traceparent_trace_id_all_zero",
     {{"traceparent", "00-00000000000000000000000000000000-1234567890123456-01"}}},
    {"test_traceparent_trace_id_illegal_characters",
     {{"traceparent", "00-.2345678901234567890123456789012-1234567890123456-01"}}},
    {"test_traceparent_trace_id_illegal_characters",
     {{"traceparent", "00-1234567890123456789012345678901.-1234567890123456-01"}}},
    {"test_traceparent_trace_id_too_long",
     {{"traceparent", "00-123456789012345678901234567890123-1234567890123456-01"}}},
    {"test_traceparent_trace_id_too_short",
     {{"traceparent", "00-1234567890123456789012345678901-1234567890123456-01"}}},
    {"test_traceparent_parent_id_all_zero", {{"traceparent", "00-" + kTrace + "-0000000000000000-01"}}},
    {"test_traceparent_parent_id_illegal_characters", {{"traceparent", "00-" + kTrace + "-.234567890123456-01"}}},
    {"test_traceparent_parent_id_illegal_characters", {{"traceparent", "00-" + kTrace + "-123456789012345.-01"}}},
    {"test_traceparent_parent_id_too_long", {{"traceparent", "00-" + kTrace + "-12345678901234567-01"}}},
    {"test_traceparent_parent_id_too_short", {{"traceparent", "00-" + kTrace + "-123456789012345-01"}}},
    {"test_traceparent_trace_flags_illegal_characters", {{"traceparent", "00-" + kTrace + "-1234567890123456-.0"}}},
    {"test_traceparent_trace_flags_illegal_characters", {{"traceparent", "00-" + kTrace + "-1234567890123456-0."}}},
    {"test_traceparent_trace_flags_too_long", {{"traceparent", "00-" + kTrace + "-1234567890123456-001"}}},
    {"test_traceparent_trace_flags_too_short", {{"traceparent", "00-" + kTrace + "-1234567890123456-1"}}},
    {"test_multiple_requests_with_illegal_traceparent",
     {{"traceparent", "00-00000000000000000000000000000000-1234567890123456-01"}}},
    {"(upper case, 3.2.2.3)", {{"traceparent", "00-ABCDEF78901234567890123456789012-1234567890123456-01"}}},
    {"(upper case, 3.2.2.4)", {{"traceparent", "00-" + kTrace + "-ABCDEF7890123456-01"}}},
    {"(upper case in the version)", {{"traceparent", "CC-" + kTrace + "-1234567890123456-01"}}},
    {"(a later version cut short)", {{"traceparent", "cc-" + kTrace + "-1234567890123456"}}},
    {"(other separators)", {{"traceparent", "00_" + kTrace + "_1234567890123456_01"}}},
    {"(an empty line)", {{"traceparent", ""}}},
};

// Not a fault: there is no such header.
const Case kAbsent[] = {
    {"test_both_traceparent_and_tracestate_missing", {}},
    {"test_traceparent_header_name", {{"trace-parent", kTraceparent}}},
    {"test_traceparent_header_name", {{"trace.parent", kTraceparent}}},
    {"test_tracestate_included_traceparent_missing", {{"tracestate", "foo=1"}}},
    {"test_tracestate_included_traceparent_missing", {{"tracestate", "foo=1,bar=2"}}},
};

const TraceContextPropagator kPropagator;

TEST(TraceContext, cases_of_the_w3c_suite_in_which_the_trace_goes_on) {
  for (const Case& one : kContinued) {
    SCOPED_TRACE(one.suite_name);
    const Extraction found = extract(kPropagator, one.headers);
    EXPECT_FALSE(found.faults.any());
    EXPECT_EQ(found.context.span.trace_id, trace_id(kTrace));
    EXPECT_EQ(found.context.span.span_id, span_id("1234567890123456"));
    EXPECT_EQ(found.context.span.sampling, Sampling::Sample);
    // Whatever the version was, it goes out as 00.
    EXPECT_EQ(inject(kPropagator, found.context), (Headers{{"traceparent", kTraceparent}}));
  }
}

TEST(TraceContext, cases_of_the_w3c_suite_in_which_the_trace_starts_anew) {
  for (const Case& one : kRestarted) {
    SCOPED_TRACE(one.suite_name);
    Headers headers = one.headers;
    headers.emplace_back("tracestate", "foo=1");  // must not be read then
    const Extraction found = extract(kPropagator, headers);
    EXPECT_EQ(found.context, Context{});
    EXPECT_EQ(found.faults.count(Fault::TraceparentMalformed), 1u);
  }
}

TEST(TraceContext, cases_of_the_w3c_suite_in_which_nothing_was_sent) {
  for (const Case& one : kAbsent) {
    SCOPED_TRACE(one.suite_name);
    const Extraction found = extract(kPropagator, one.headers);
    EXPECT_EQ(found.context, Context{});
    EXPECT_FALSE(found.faults.any());
  }
}

// test_tracestate_header_name and test_tracestate_header_name_valid_casing.
TEST(TraceContext, tracestate_is_found_in_any_case_and_under_no_other_name) {
  for (const char* name : {"TraceState", "TrAcEsTaTe", "TRACESTATE"}) {
    const Extraction found = extract(kPropagator, {{"traceparent", kTraceparent}, {name, "foo=1"}});
    EXPECT_EQ(found.context.span.trace_state.header(), "foo=1");
  }
  for (const char* name : {"trace-state", "trace.state"}) {
    const Extraction found = extract(kPropagator, {{"traceparent", kTraceparent}, {name, "foo=1"}});
    EXPECT_TRUE(found.context.span.trace_state.empty());
  }
}

// Of every byte in every place only what the grammar allows there goes on.
TEST(TraceContext, every_byte_in_every_place) {
  for (size_t at = 0; at < kTraceparent.size(); ++at) {
    const bool is_dash = kTraceparent[at] == '-';
    for (int byte = 0; byte < 256; ++byte) {
      std::string header = kTraceparent;
      header[at] = static_cast<char>(byte);
      const bool is_lower_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
      const bool expected = is_dash ? byte == '-' : is_lower_hex;
      EXPECT_EQ(parse_traceparent(header).has_value(), expected) << header;
    }
  }
}

TEST(TraceContext, every_truncation_starts_a_new_trace) {
  for (size_t size = 0; size < kTraceparent.size(); ++size) {
    EXPECT_FALSE(parse_traceparent(std::string_view(kTraceparent).substr(0, size))) << size;
  }
}

TEST(TraceContext, flags_are_read_by_bit_and_unknown_ones_are_not_sent_on) {
  for (int flags = 0; flags < 256; ++flags) {
    constexpr char digits[] = "0123456789abcdef";
    std::string header = kTraceparent;
    header[53] = digits[flags >> 4];
    header[54] = digits[flags & 15];
    const auto parent = parse_traceparent(header);
    ASSERT_TRUE(parent);
    EXPECT_EQ(parent->is_sampled, (flags & 1) != 0);
    EXPECT_EQ(parent->is_random, (flags & 2) != 0);
    const auto written = format_traceparent(*parent);
    EXPECT_EQ(std::string(written.begin(), written.end()), kTraceparent.substr(0, 53) + "0" + digits[flags & 3]);
  }
}

// A version that we don't know promises the sampled bit only.
TEST(TraceContext, a_later_version_says_nothing_of_randomness) {
  const auto parent = parse_traceparent("01-" + kTrace + "-1234567890123456-03");
  ASSERT_TRUE(parent);
  EXPECT_TRUE(parent->is_sampled);
  EXPECT_FALSE(parent->is_random);
}

TEST(TraceContext, an_id_with_eight_leading_zero_bytes_was_one_of_64_bits) {
  const auto found = extract(kPropagator, {{"traceparent", "00-0000000000000000463ac35c9f6413ad-1234567890123456-01"}});
  EXPECT_TRUE(found.context.span.is_trace_id_64_bit);
  EXPECT_FALSE(extract(kPropagator, {{"traceparent", kTraceparent}}).context.span.is_trace_id_64_bit);
}

TEST(TraceContext, debug_goes_out_as_sampled_and_undecided_as_not) {
  Context context;
  context.span.trace_id = trace_id(kTrace);
  context.span.span_id = span_id("1234567890123456");
  const auto flags = [&](Sampling sampling) {
    context.span.sampling = sampling;
    return inject(kPropagator, context).at(0).second.substr(53);
  };
  EXPECT_EQ(flags(Sampling::Debug), "01");
  EXPECT_EQ(flags(Sampling::Sample), "01");
  EXPECT_EQ(flags(Sampling::Drop), "00");
  EXPECT_EQ(flags(Sampling::Undecided), "00");
}

TEST(TraceContext, nothing_is_sent_without_both_ids) {
  Context context;
  EXPECT_TRUE(inject(kPropagator, context).empty());
  context.span.trace_id = trace_id(kTrace);
  EXPECT_TRUE(inject(kPropagator, context).empty());
}

TEST(TraceContext, a_long_tracestate_is_cut_and_counted) {
  Context context = extract(kPropagator, {{"traceparent", kTraceparent}, {"tracestate", "a=1,b=2,c=3"}}).context;
  const TraceContextPropagator tight({.tracestate_bytes_max = 8});
  Headers headers;
  FieldsSetter setter(headers);
  EXPECT_EQ(tight.inject(context, setter).count(Fault::TracestateTruncated), 1u);
  EXPECT_EQ(headers, (Headers{{"traceparent", kTraceparent}, {"tracestate", "a=1,b=2"}}));
}

}  // namespace
}  // namespace backstitch::wire::context
