#include "wire/context/trust.h"

#include <gtest/gtest.h>

#include "wire/context/composite.h"
#include "wire/context/context_testing.h"
#include "wire/context/raceway.h"

namespace backstitch::wire::context {
namespace {

Context from_outside() {
  Context context;
  context.span.trace_id = trace_id("80f198ee56343ba864fe8b2a57d3eff7");
  context.span.span_id = span_id("05e3ac9a4f6e3b90");
  context.span.sampling = Sampling::Debug;
  context.span.trace_state.set("a", "1");
  context.baggage.set({.key = "user", .value = "root", .properties = ""});
  context.raceway = RacewayHop{.service = "web", .instance = "1", .clock = {{"web#1", 1}}};
  return context;
}

TEST(Trust, ignored_context_leaves_no_trace) {
  EXPECT_EQ(start_local(from_outside(), InboundTrust::Ignore), LocalStart{});
}

TEST(Trust, a_restarted_trace_links_to_the_caller_and_takes_nothing_else) {
  const LocalStart start = start_local(from_outside(), InboundTrust::Restart);
  LocalStart expected;
  expected.link = from_outside().span;
  EXPECT_EQ(start, expected);
}

TEST(Trust, an_accepted_caller_is_the_parent_with_all_it_sent) {
  const LocalStart start = start_local(from_outside(), InboundTrust::Accept);
  EXPECT_EQ(start.parent, from_outside().span);
  EXPECT_EQ(start.baggage, from_outside().baggage);
  EXPECT_EQ(start.raceway, from_outside().raceway);
  EXPECT_FALSE(start.link);
  EXPECT_FALSE(start.own_span_id.is_valid());
}

TEST(Trust, of_a_raceway_call_the_parent_is_the_span_that_called) {
  const Context call = raceway_call(from_outside(), span_id("abc"));
  const LocalStart accepted = start_local(call, InboundTrust::Accept);
  EXPECT_EQ(accepted.parent, from_outside().span);
  EXPECT_EQ(accepted.own_span_id, span_id("abc"));
  const LocalStart restarted = start_local(call, InboundTrust::Restart);
  EXPECT_EQ(restarted.link, from_outside().span);
  EXPECT_FALSE(restarted.own_span_id.is_valid());
}

TEST(Trust, a_raceway_call_without_a_callers_span_is_a_root_of_its_trace) {
  Context call = raceway_call(from_outside(), span_id("abc"));
  call.span.parent_span_id = {};
  const LocalStart start = start_local(call, InboundTrust::Accept);
  EXPECT_FALSE(start.parent.is_valid());
  EXPECT_EQ(start.parent.trace_id, from_outside().span.trace_id);
  EXPECT_EQ(start.own_span_id, span_id("abc"));
  EXPECT_FALSE(start_local(call, InboundTrust::Restart).link);
}

TEST(Trust, a_decision_without_ids_is_accepted_as_such) {
  Context denial;
  denial.span.sampling = Sampling::Drop;
  const LocalStart start = start_local(denial, InboundTrust::Accept);
  EXPECT_FALSE(start.parent.trace_id.is_valid());
  EXPECT_EQ(start.parent.sampling, Sampling::Drop);
  EXPECT_EQ(start_local(denial, InboundTrust::Restart), LocalStart{});
}

TEST(Trust, context_goes_out_only_to_hosts_on_the_list) {
  const auto propagator = create_propagator("tracecontext,baggage,b3multi,jaeger,raceway").value();
  const std::vector<std::string> patterns{"cart"};
  const HostAllowList hosts = HostAllowList::create(patterns).value();
  Headers headers{{"host", "third-party.example"}};
  FieldsSetter setter(headers);
  EXPECT_FALSE(
      inject_if_allowed(from_outside(), *propagator, hosts, {.host = "third-party.example", .port = 443}, setter));
  EXPECT_EQ(headers, (Headers{{"host", "third-party.example"}}));
  EXPECT_TRUE(inject_if_allowed(from_outside(), *propagator, hosts, {.host = "cart", .port = 80}, setter));
  EXPECT_GT(headers.size(), 5u);
}

// The list of fields is what a proxy clears: nothing may be written that it does not name.
TEST(Trust, whatever_is_injected_is_named_by_fields) {
  std::vector<std::unique_ptr<const Propagator>> parts;
  parts.push_back(create_propagator("tracecontext,baggage,b3,b3multi,jaeger").value());
  parts.push_back(std::make_unique<RacewayPropagator>(RacewayFields::ClockAndDocumented));
  const CompositePropagator propagator(std::move(parts));
  Context context = raceway_call(from_outside(), span_id("abc"));
  for (const Sampling sampling : {Sampling::Debug, Sampling::Sample}) {
    context.span.sampling = sampling;
    for (const auto& [name, value] : inject(propagator, context)) {
      bool is_named = false;
      for (const std::string_view field : propagator.fields()) {
        is_named |= field.ends_with('-') ? name.starts_with(field) : name == field;
      }
      EXPECT_TRUE(is_named) << name;
    }
  }
}

}  // namespace
}  // namespace backstitch::wire::context
