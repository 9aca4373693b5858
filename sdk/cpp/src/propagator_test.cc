#include "backstitch/propagator.h"

#include <gtest/gtest.h>
#include <map>

#include "src/sdk_testing.h"

namespace backstitch::sdk {
namespace {

using Headers = std::map<std::string, std::string>;

const Headers kCaller = {{"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"},
                         {"tracestate", "vendor=1"},
                         {"baggage", "user=alice"}};

StartSpanOptions below(const Context& parent) {
  StartSpanOptions options;
  options.parent = &parent;
  return options;
}

TEST(PropagatorTest, a_trace_goes_on_through_a_service) {
  Traced traced;
  const Propagator& propagator = traced.provider->propagator();
  const Context caller = propagator.extract(fields(kCaller));
  const Span span = traced.tracer.start_span("GET /cart", below(caller));
  Headers out;
  propagator.inject(caller.with_span(span), setter(out));
  EXPECT_EQ(out["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-" + span.context().span_id.to_hex() + "-03");
  EXPECT_EQ(out["tracestate"], "vendor=1");
  EXPECT_EQ(out["baggage"], "user=alice");
  Span(span).end();
  const model::SpanSet set = traced.spans();
  EXPECT_EQ(set.spans.at(0).parent_span_id.to_hex(), "00f067aa0ba902b7");
  EXPECT_EQ(set.spans[0].trace_state, "vendor=1");
  EXPECT_EQ(set.spans[0].flags, 0x303u) << "sampled, random, the parent is remote";
}

TEST(PropagatorTest, a_trace_is_found_behind_any_number_of_fields) {
  const Traced traced;
  for (const size_t before : {0, 6, 7, 8, 9, 200}) {
    std::vector<std::pair<std::string, std::string>> fields_before(before, {"Tea", "text/plain"});
    fields_before.emplace_back("traceparent", kCaller.at("Traceparent"));
    fields_before.emplace_back("tea", "text/html");
    const Context caller = traced.provider->propagator().extract(fields(fields_before));
    EXPECT_EQ(caller.span().context().span_id.to_hex(), "00f067aa0ba902b7") << before;
  }
}

TEST(PropagatorTest, a_restarted_trace_links_to_its_caller) {
  Traced traced;
  const Context caller = traced.provider->propagator().extract(fields(kCaller), InboundTrust::Restart);
  traced.tracer.start_span("GET /cart", below(caller)).end();
  const model::SpanSet set = traced.spans();
  EXPECT_TRUE(set.spans.at(0).is_root());
  EXPECT_NE(set.spans[0].trace_id.to_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  ASSERT_EQ(set.spans[0].links.size(), 1u);
  EXPECT_EQ(set.spans[0].links[0].trace_id.to_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(caller.baggage("user"), std::nullopt);
}

TEST(PropagatorTest, an_ignored_caller_is_as_none) {
  Traced traced;
  const Context caller = traced.provider->propagator().extract(fields(kCaller), InboundTrust::Ignore);
  EXPECT_FALSE(caller.span().context().is_valid());
}

TEST(PropagatorTest, a_callers_decision_is_kept) {
  Traced traced;
  const Propagator b3 = Propagator::create("b3");
  const Context dropped = b3.extract(fields(Headers{{"b3", "0"}}));
  EXPECT_FALSE(traced.tracer.start_span("x", below(dropped)).is_recording());
  const Context debug = b3.extract(fields(Headers{{"b3", "80f198ee56343ba8-05e3ac9a4f6e3b90-d"}}));
  const Span span = traced.tracer.start_span("x", below(debug));
  Headers out;
  b3.inject(debug.with_span(span), setter(out));
  EXPECT_EQ(out["b3"], "80f198ee56343ba8-" + span.context().span_id.to_hex() + "-d");
}

TEST(PropagatorTest, an_unknown_name_is_a_problem_and_no_propagator) {
  std::string problem;
  const Propagator none = Propagator::create("xray", &problem);
  EXPECT_NE(problem.find("xray"), std::string::npos);
  EXPECT_FALSE(none.extract(fields(kCaller)).span().context().is_valid());
  Headers out;
  none.inject(Context(), setter(out));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace backstitch::sdk
