#include "wire/context/composite.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "wire/context/context_testing.h"
#include "wire/context/raceway.h"

namespace backstitch::wire::context {
namespace {

constexpr const char* kTrace = "80f198ee56343ba864fe8b2a57d3eff7";
constexpr const char* kOther = "463ac35c9f6413ad48485a3953bb6124";
constexpr const char* kSpan = "05e3ac9a4f6e3b90";

std::pair<std::string, std::string> traceparent(const std::string& trace, const std::string& flags = "01") {
  return {"traceparent", "00-" + trace + "-" + kSpan + "-" + flags};
}
std::pair<std::string, std::string> b3(const std::string& trace, const std::string& rest) {
  return {"b3", trace + "-" + kSpan + "-" + rest};
}

Extraction extract_all(std::string_view names, const Headers& headers) {
  return extract(*create_propagator(names).value(), headers);
}

TEST(Composite, injects_every_format_in_order) {
  const auto propagator = create_propagator("tracecontext,baggage,b3,jaeger").value();
  Context context;
  context.span.trace_id = trace_id(kTrace);
  context.span.span_id = span_id(kSpan);
  context.span.sampling = Sampling::Sample;
  context.baggage.set({.key = "user", .value = "alice", .properties = ""});
  EXPECT_EQ(inject(*propagator, context), (Headers{traceparent(kTrace),
                                                   {"baggage", "user=alice"},
                                                   b3(kTrace, "1"),
                                                   {"uber-trace-id", std::string(kTrace) + ":" + kSpan + ":0:1"},
                                                   {"uberctx-user", "alice"}}));
}

TEST(Composite, the_first_in_order_that_names_a_span_wins) {
  const Headers headers{b3(kOther, "0"), traceparent(kTrace)};
  const Extraction w3c_first = extract_all("tracecontext,b3", headers);
  EXPECT_EQ(w3c_first.context.span.trace_id, trace_id(kTrace));
  EXPECT_EQ(w3c_first.context.span.sampling, Sampling::Sample);
  EXPECT_EQ(w3c_first.faults.count(Fault::Disagreement), 1u);
  const Extraction b3_first = extract_all("b3,tracecontext", headers);
  EXPECT_EQ(b3_first.context.span.trace_id, trace_id(kOther));
  EXPECT_EQ(b3_first.context.span.sampling, Sampling::Drop);
  EXPECT_EQ(b3_first.faults.count(Fault::Disagreement), 1u);
}

TEST(Composite, a_malformed_first_leaves_the_place_to_the_next) {
  const Extraction found = extract_all("tracecontext,b3", {{"traceparent", "00-broken"}, b3(kOther, "1")});
  EXPECT_EQ(found.context.span.trace_id, trace_id(kOther));
  EXPECT_EQ(found.faults.count(Fault::TraceparentMalformed), 1u);
  EXPECT_EQ(found.faults.count(Fault::Disagreement), 0u);
}

TEST(Composite, the_same_span_in_another_format_adds_what_the_winner_cannot_say) {
  const Headers headers{traceparent(kTrace, "03"), {"tracestate", "a=1"}, b3(kTrace, "d-e457b5a2e4d86bd1")};
  for (const char* order : {"tracecontext,b3", "b3,tracecontext"}) {
    const Extraction found = extract_all(order, headers);
    EXPECT_FALSE(found.faults.any());
    EXPECT_EQ(found.context.span.sampling, Sampling::Debug);
    EXPECT_EQ(found.context.span.parent_span_id, span_id("e457b5a2e4d86bd1"));
    EXPECT_EQ(found.context.span.trace_state.header(), "a=1");
    EXPECT_TRUE(found.context.span.is_random);
  }
}

TEST(Composite, another_span_of_the_same_trace_disagrees) {
  const Extraction found = extract_all(
      "tracecontext,b3", {traceparent(kTrace), {"b3", std::string(kTrace) + "-00000000000000aa-d-00000000000000bb"}});
  EXPECT_EQ(found.context.span.span_id, span_id(kSpan));
  EXPECT_EQ(found.context.span.sampling, Sampling::Sample);
  EXPECT_FALSE(found.context.span.parent_span_id.is_valid());
  EXPECT_EQ(found.faults.count(Fault::Disagreement), 1u);
}

TEST(Composite, a_decision_alone_counts_only_where_nobody_names_a_trace) {
  EXPECT_EQ(extract_all("b3,tracecontext", {{"b3", "0"}}).context.span.sampling, Sampling::Drop);
  const Extraction found = extract_all("b3,tracecontext", {{"b3", "0"}, traceparent(kTrace)});
  EXPECT_EQ(found.context.span.sampling, Sampling::Sample);
  EXPECT_FALSE(found.faults.any());
}

std::string raceway_clock(const std::string& trace) {
  return "v1;" + base::to_base64("{\"trace_id\":\"" + trace + "\",\"span_id\":\"" + kSpan +
                                 "\",\"parent_span_id\":\"00f067aa0ba902b7\",\"clock\":[[\"a#1\",2]]}");
}

TEST(Composite, a_raceway_call_reads_the_same_in_either_order) {
  const Headers headers{traceparent(kTrace), {"tracestate", "a=1"}, {"raceway-clock", raceway_clock(kTrace)}};
  const Extraction clock_first = extract_all("raceway,tracecontext", headers);
  EXPECT_FALSE(clock_first.faults.any());
  EXPECT_TRUE(clock_first.context.span.is_callee_span);
  EXPECT_EQ(clock_first.context.span.sampling, Sampling::Sample);
  EXPECT_EQ(clock_first.context.span.trace_state.header(), "a=1");
  EXPECT_EQ(clock_first.context.raceway->clock, (VectorClock{{"a#1", 2}}));
  EXPECT_EQ(extract_all("tracecontext,raceway", headers).context, clock_first.context);
}

TEST(Composite, a_clock_of_another_trace_is_not_taken) {
  const Extraction found =
      extract_all("tracecontext,raceway", {traceparent(kTrace), {"raceway-clock", raceway_clock(kOther)}});
  EXPECT_FALSE(found.context.raceway);
  EXPECT_EQ(found.faults.count(Fault::Disagreement), 1u);
}

TEST(Composite, a_trace_id_alone_gives_way_to_a_span_and_lends_it_its_clock) {
  const Headers documented{{"X-Raceway-Trace-Id", kTrace}, {"X-Raceway-VC", "{\"a\":1}"}};
  for (const auto& [span, clocks] : {std::pair{kTrace, 1u}, {kOther, 0u}}) {
    Headers headers = documented;
    headers.push_back(traceparent(span));
    for (const char* order : {"raceway,tracecontext", "tracecontext,raceway"}) {
      const Extraction found = extract_all(order, headers);
      EXPECT_EQ(found.context.span.trace_id, trace_id(span));
      EXPECT_TRUE(found.context.span.is_valid());
      EXPECT_EQ(found.context.raceway.has_value(), clocks == 1);
      EXPECT_EQ(found.faults.count(Fault::Disagreement), 1 - clocks);
    }
  }
}

TEST(Composite, baggage_of_all_formats_is_taken_and_the_first_wins_a_key) {
  const Headers headers{{"baggage", "a=w3c,b=1"}, {"uberctx-a", "jaeger"}, {"uberctx-c", "2"}};
  const Extraction found = extract_all("baggage,jaeger", headers);
  EXPECT_EQ(format_baggage(found.context.baggage).header, "a=w3c,b=1,c=2");
  EXPECT_EQ(extract_all("jaeger,baggage", headers).context.baggage.find("a")->value, "jaeger");
}

TEST(Composite, a_64_bit_id_comes_in_as_b3_and_goes_out_so_after_a_hop_over_w3c) {
  const auto w3c = create_propagator("tracecontext").value();
  const auto zipkin = create_propagator("b3,jaeger").value();
  const Context first = extract(*zipkin, {b3("64fe8b2a57d3eff7", "1")}).context;
  const Headers hop = inject(*w3c, first);
  EXPECT_EQ(hop, (Headers{traceparent("000000000000000064fe8b2a57d3eff7")}));
  const Headers out = inject(*zipkin, extract(*w3c, hop).context);
  EXPECT_EQ(out, (Headers{b3("64fe8b2a57d3eff7", "1"),
                          {"uber-trace-id", std::string("64fe8b2a57d3eff7:") + kSpan + ":0:1"}}));
}

TEST(Composite, trace_state_keys_are_those_of_level_1_where_that_is_asked_for) {
  const Headers headers{traceparent(std::string(32, '1')), {"tracestate", "foo@=1,bar=2"}};
  EXPECT_EQ(extract_all("tracecontext", headers).context.span.trace_state.header(), "foo@=1,bar=2");
  const Extraction strict = extract_all("tracecontext-1", headers);
  EXPECT_TRUE(strict.context.span.is_valid());
  EXPECT_TRUE(strict.context.span.trace_state.empty());
}

TEST(Composite, names_are_opentelemetrys) {
  EXPECT_EQ(create_propagator(" tracecontext , baggage,,tracecontext ").value()->fields(),
            (std::vector<std::string_view>{"traceparent", "tracestate", "baggage"}));
  EXPECT_TRUE(create_propagator("none").value()->fields().empty());
  EXPECT_TRUE(create_propagator("").value()->fields().empty());
  for (const char* names : {"none,b3", "b3,none", "tracecontext,xray", "B3"}) {
    EXPECT_EQ(create_propagator(names).error().code, base::Errc::InvalidArgument) << names;
  }
  EXPECT_NE(create_propagator("xray").error().message.find("'xray'"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::wire::context
