#include "wire/context/b3.h"

#include <gtest/gtest.h>

#include "wire/context/context_testing.h"

namespace backstitch::wire::context {
namespace {

const B3Propagator kSingle(B3Encoding::Single);
const B3Propagator kMulti(B3Encoding::Multi);

constexpr const char* kLongId = "80f198ee56343ba864fe8b2a57d3eff7";
constexpr const char* kShortId = "64fe8b2a57d3eff7";

SpanContext span(std::string_view trace, Sampling sampling, std::string_view parent = "") {
  SpanContext span;
  span.trace_id = trace_id(trace);
  span.is_trace_id_64_bit = trace.size() == 16;
  span.span_id = span_id("05e3ac9a4f6e3b90");
  if (!parent.empty()) span.parent_span_id = span_id(parent);
  span.sampling = sampling;
  return span;
}

SpanContext decision(Sampling sampling) {
  SpanContext span;
  span.sampling = sampling;
  return span;
}

struct Case {
  SpanContext span;
  std::string single;
  Headers multi;
};

// The same context in both encodings, most of it from the specification.
const Case kCases[] = {
    {span(kLongId, Sampling::Sample, "e457b5a2e4d86bd1"),
     "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd1",
     {{"x-b3-traceid", kLongId},
      {"x-b3-spanid", "05e3ac9a4f6e3b90"},
      {"x-b3-parentspanid", "e457b5a2e4d86bd1"},
      {"x-b3-sampled", "1"}}},
    {span(kLongId, Sampling::Debug),
     "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-d",
     {{"x-b3-traceid", kLongId}, {"x-b3-spanid", "05e3ac9a4f6e3b90"}, {"x-b3-flags", "1"}}},
    {span(kShortId, Sampling::Drop),
     "64fe8b2a57d3eff7-05e3ac9a4f6e3b90-0",
     {{"x-b3-traceid", kShortId}, {"x-b3-spanid", "05e3ac9a4f6e3b90"}, {"x-b3-sampled", "0"}}},
    {span(kLongId, Sampling::Undecided),
     "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90",
     {{"x-b3-traceid", kLongId}, {"x-b3-spanid", "05e3ac9a4f6e3b90"}}},
    {decision(Sampling::Drop), "0", {{"x-b3-sampled", "0"}}},
    {decision(Sampling::Sample), "1", {{"x-b3-sampled", "1"}}},
    {decision(Sampling::Debug), "d", {{"x-b3-flags", "1"}}},
};

TEST(B3, both_encodings_are_read_and_written) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.single);
    const Context context{.span = one.span, .baggage = {}, .raceway = {}};
    EXPECT_EQ(extract(kSingle, {{"b3", one.single}}).context, context);
    EXPECT_EQ(extract(kSingle, one.multi).context, context);
    EXPECT_EQ(inject(kSingle, context), (Headers{{"b3", one.single}}));
    EXPECT_EQ(inject(kMulti, context), one.multi);
  }
}

TEST(B3, an_id_of_64_bits_that_was_written_with_128_stays_so) {
  const std::string header = "000000000000000064fe8b2a57d3eff7-05e3ac9a4f6e3b90-1";
  const Extraction found = extract(kSingle, {{"b3", header}});
  EXPECT_FALSE(found.context.span.is_trace_id_64_bit);
  EXPECT_EQ(inject(kSingle, found.context).at(0).second, header);
}

TEST(B3, an_id_that_is_longer_than_it_says_is_written_whole) {
  Context context;
  context.span = span(kLongId, Sampling::Sample);
  context.span.is_trace_id_64_bit = true;
  EXPECT_EQ(inject(kSingle, context).at(0).second, std::string(kLongId) + "-05e3ac9a4f6e3b90-1");
}

TEST(B3, upper_case_is_read_and_lower_case_written) {
  const Extraction found = extract(kSingle, {{"B3", "80F198EE56343BA864FE8B2A57D3EFF7-05E3AC9A4F6E3B90-1"}});
  EXPECT_EQ(found.context.span, span(kLongId, Sampling::Sample));
}

TEST(B3, a_malformed_single_field_is_counted_and_the_others_are_read) {
  for (const char* bad :
       {"", "-", "2", "dd", "80f198ee56343ba864fe8b2a57d3eff7", "80f198ee56343ba864fe8b2a57d3eff7-",
        "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-", "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-2",
        "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-", "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90--1",
        "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd",
        "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-0000000000000000",
        "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd1-1",
        "80f198ee56343ba864fe8b2a57d3eff7-0000000000000000-1", "00000000000000000000000000000000-05e3ac9a4f6e3b90-1",
        "0f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1", "g0f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1"}) {
    EXPECT_EQ(extract(kSingle, {{"b3", bad}}).context, Context{}) << bad;
    Headers headers = kCases[0].multi;
    headers.emplace_back("b3", bad);
    const Extraction found = extract(kSingle, headers);
    EXPECT_EQ(found.context.span, kCases[0].span) << bad;
    EXPECT_EQ(found.faults.count(Fault::B3Malformed), 1u) << bad;
  }
}

TEST(B3, the_single_field_wins) {
  Headers headers = kCases[0].multi;
  headers.emplace_back("b3", kCases[2].single);
  const Extraction found = extract(kMulti, headers);
  EXPECT_EQ(found.context.span, kCases[2].span);
  EXPECT_FALSE(found.faults.any());
}

TEST(B3, of_several_values_of_a_multi_field_the_first_wins) {
  Headers headers = kCases[0].multi;
  headers.emplace_back("X-B3-TraceId", kShortId);
  EXPECT_EQ(extract(kMulti, headers).context.span, kCases[0].span);
}

TEST(B3, without_two_readable_ids_only_the_decision_stands) {
  for (const auto& [trace, span] : {std::pair{"", "05e3ac9a4f6e3b90"}, {kLongId, ""}, {"xyz", "05e3ac9a4f6e3b90"}}) {
    const Extraction found = extract(kMulti, {{"X-B3-TraceId", trace}, {"X-B3-SpanId", span}, {"X-B3-Sampled", "0"}});
    EXPECT_EQ(found.context.span, decision(Sampling::Drop));
    EXPECT_EQ(found.faults.count(Fault::B3Malformed), 1u);
  }
}

TEST(B3, a_malformed_parent_or_decision_costs_only_itself) {
  const Extraction found = extract(kMulti, {{"X-B3-TraceId", kLongId},
                                            {"X-B3-SpanId", "05e3ac9a4f6e3b90"},
                                            {"X-B3-ParentSpanId", "e457b5a2e4d86bdx"},
                                            {"X-B3-Sampled", "maybe"}});
  EXPECT_EQ(found.context.span, span(kLongId, Sampling::Undecided));
  EXPECT_EQ(found.faults.count(Fault::B3Malformed), 2u);
}

TEST(B3, sampled_as_older_tracers_wrote_it) {
  EXPECT_EQ(extract(kMulti, {{"X-B3-Sampled", "true"}}).context.span, decision(Sampling::Sample));
  EXPECT_EQ(extract(kMulti, {{"X-B3-Sampled", "False"}}).context.span, decision(Sampling::Drop));
}

TEST(B3, every_truncation_of_a_single_field_reads_as_less_or_nothing) {
  const std::string whole = kCases[0].single;
  for (size_t size = 0; size < whole.size(); ++size) {
    const SpanContext found = extract(kSingle, {{"b3", whole.substr(0, size)}}).context.span;
    if (size == 49) {
      EXPECT_EQ(found, span(kLongId, Sampling::Undecided));
    } else if (size == 51) {
      EXPECT_EQ(found, span(kLongId, Sampling::Sample));
    } else {
      EXPECT_EQ(found, SpanContext{}) << size;
    }
  }
}

TEST(B3, a_debug_flag_beats_a_denial) {
  EXPECT_EQ(extract(kMulti, {{"X-B3-Flags", "1"}, {"X-B3-Sampled", "0"}}).context.span, decision(Sampling::Debug));
}

}  // namespace
}  // namespace backstitch::wire::context
