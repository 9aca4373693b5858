#include "wire/context/jaeger.h"

#include <gtest/gtest.h>

#include "wire/context/context_testing.h"

namespace backstitch::wire::context {
namespace {

const JaegerPropagator kPropagator;

SpanContext read(std::string_view header) {
  return extract(kPropagator, {{"Uber-Trace-Id", std::string(header)}}).context.span;
}

std::string rewritten(std::string_view header) {
  const Headers headers = inject(kPropagator, extract(kPropagator, {{"uber-trace-id", std::string(header)}}).context);
  return headers.empty() ? "" : headers[0].second;
}

TEST(Jaeger, ids_parent_and_flags_are_read) {
  const SpanContext span = read("ab01020304050607ff0a0b0c0d0e0f10:0000000000000abc:00000000000000de:1");
  EXPECT_EQ(span.trace_id, trace_id("ab01020304050607ff0a0b0c0d0e0f10"));
  EXPECT_EQ(span.span_id, span_id("abc"));
  EXPECT_EQ(span.parent_span_id, span_id("de"));
  EXPECT_EQ(span.sampling, Sampling::Sample);
  EXPECT_FALSE(span.is_trace_id_64_bit);
}

TEST(Jaeger, short_hex_is_widened_and_goes_out_with_its_width) {
  EXPECT_EQ(rewritten("abc:1:0:0"), "0000000000000abc:0000000000000001:0:0");
  EXPECT_TRUE(read("abc:1:0:0").is_trace_id_64_bit);
  EXPECT_EQ(rewritten("10000000000000abc:1:0:1"), "00000000000000010000000000000abc:0000000000000001:0:1");
  EXPECT_FALSE(read("10000000000000abc:1:0:1").is_trace_id_64_bit);
  EXPECT_EQ(rewritten("00000000000000000000000000000abc:1:2:3"),
            "00000000000000000000000000000abc:0000000000000001:0000000000000002:3");
}

TEST(Jaeger, flags_are_read_by_bit_in_one_or_two_digits) {
  EXPECT_EQ(read("a:b:0:0").sampling, Sampling::Drop);
  EXPECT_EQ(read("a:b:0:1").sampling, Sampling::Sample);
  EXPECT_EQ(read("a:b:0:01").sampling, Sampling::Sample);
  EXPECT_EQ(read("a:b:0:3").sampling, Sampling::Debug);
  EXPECT_EQ(read("a:b:0:2").sampling, Sampling::Debug);  // "debug flag implies sampled flag"
  EXPECT_EQ(read("a:b:0:9").sampling, Sampling::Sample);
  EXPECT_EQ(read("a:b:0:fE").sampling, Sampling::Debug);
}

TEST(Jaeger, the_deprecated_parent_may_be_anything) {
  for (const char* header : {"a:b:0:1", "a:b::1", "a:b:zz:1", "a:b:11112222333344445:1"}) {
    EXPECT_EQ(rewritten(header), "000000000000000a:000000000000000b:0:1") << header;
  }
}

TEST(Jaeger, colons_may_come_url_encoded) {
  EXPECT_EQ(read("a%3Ab%3a0%3A1"), read("a:b:0:1"));
  EXPECT_TRUE(read("a%3Ab%3a0%3A1").is_valid());
}

TEST(Jaeger, malformed_ids_are_counted_and_dropped) {
  for (const char* header :
       {"", "a", "a:b", "a:b:0", "a:b:0:1:", ":b:0:1", "a::0:1", "0:b:0:1", "a:0:0:1", "a:b:0:", "a:b:0:001", "a:b:0:x",
        "-a:b:0:1", "a b:b:0:1", "111112222333344445555666677778888:b:0:1", "a:11112222333344445:0:1", "a%3Ab"}) {
    const Extraction found = extract(kPropagator, {{"uber-trace-id", header}});
    EXPECT_EQ(found.context, Context{}) << header;
    EXPECT_EQ(found.faults.count(Fault::JaegerMalformed), 1u) << header;
  }
}

TEST(Jaeger, two_different_headers_are_ambiguous) {
  const Extraction found = extract(kPropagator, {{"uber-trace-id", "a:b:0:1"}, {"uber-trace-id", "c:d:0:1"}});
  EXPECT_EQ(found.context, Context{});
  EXPECT_EQ(found.faults.count(Fault::JaegerMalformed), 1u);
}

TEST(Jaeger, baggage_has_a_field_for_each_member) {
  const Headers headers{{"Uberctx-User-Id", "alice"}, {"uberctx-city", "S%C3%A3o+Paulo%2B"}, {"uberctx", "no"}};
  const Extraction found = extract(kPropagator, headers);
  EXPECT_EQ(found.context.baggage.find("user-id")->value, "alice");
  EXPECT_EQ(found.context.baggage.find("city")->value, "S\xc3\xa3o Paulo+");
  EXPECT_EQ(found.context.baggage.members().size(), 2u);
  EXPECT_EQ(inject(kPropagator, found.context),
            (Headers{{"uberctx-user-id", "alice"}, {"uberctx-city", "S%C3%A3o%20Paulo%2B"}}));
}

TEST(Jaeger, baggage_without_a_name_is_counted_and_beyond_the_limit_too) {
  Headers headers{{"uberctx-", "x"}, {"uberctx-a b", "x"}};
  for (int i = 0; i < 70; ++i) headers.emplace_back("uberctx-k" + std::to_string(i), "v");
  const Extraction found = extract(kPropagator, headers);
  EXPECT_EQ(found.context.baggage.members().size(), 64u);
  EXPECT_EQ(found.faults.count(Fault::JaegerMalformed), 2u);
  EXPECT_EQ(found.faults.count(Fault::BaggageTruncated), 6u);
}

}  // namespace
}  // namespace backstitch::wire::context
