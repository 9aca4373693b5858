#include "src/tree_event.h"

#include <gtest/gtest.h>

#include "src/middleware_testing.h"

namespace backstitch::sdk {
namespace {

const Headers kUnsampledCaller = {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}};
const std::string kFailure = R"({"service":"root","status":"error","code":"not-found","error":"no cart"})";

void fail(const Service& service, const Headers& headers, const Listener& listener) {
  InboundRequest request = service.serve(headers, listener, "GET /cart");
  (void)request.finish(ErrorCode::NotFound, {"no cart"});
  request.end(true);
  request.end(true);
}

TEST(TreeEventTest, an_unsampled_failure_is_exported_once_by_the_outermost_service) {
  Service root("root", {}, sampled_at(always_off()));
  fail(root, {}, kUntrusted);
  const model::SpanSet set = root.traced.spans();
  ASSERT_EQ(set.spans.size(), 1u);
  const model::Span& span = set.spans[0];
  EXPECT_EQ(span.name, "GET /cart");
  EXPECT_EQ(span.kind, model::SpanKind::Server);
  EXPECT_EQ(span.status, (model::Status{model::StatusCode::Error, "no cart"}));
  EXPECT_EQ(*find(span.attributes, "backstitch.unsampled"), model::Value(true));
  EXPECT_EQ(span.flags & 1u, 0u) << "not sampled";
  EXPECT_GE(span.end.unix_nanos, span.start.unix_nanos);
  EXPECT_EQ(event_of(span).tree, kFailure);
  EXPECT_EQ(root.traced.provider->stats().exported, 1u);
}

TEST(TreeEventTest, a_sampled_failure_carries_the_event_without_the_mark) {
  Service root("root");
  fail(root, {}, kUntrusted);
  const model::SpanSet set = root.traced.spans();
  ASSERT_EQ(set.spans.size(), 1u);
  EXPECT_EQ(event_of(set.spans[0]).tree, kFailure);
  EXPECT_EQ(find(set.spans[0].attributes, "backstitch.unsampled"), nullptr);
}

TEST(TreeEventTest, services_further_in_export_none) {
  Service root("root", {}, sampled_at(parent_based(always_on())));
  fail(root, kUnsampledCaller, kTrusted);
  EXPECT_TRUE(root.traced.spans().spans.empty());
  fail(root, {}, kTrusted);  // no trace context: nobody outside of it knows
  EXPECT_EQ(root.traced.spans().spans.size(), 1u);
}

TEST(TreeEventTest, requests_that_end_well_export_nothing_unsampled) {
  Service root("root", {}, sampled_at(always_off()));
  InboundRequest request = root.serve({}, kUntrusted);
  (void)request.finish(ErrorCode::Ok);
  request.end(true);
  EXPECT_TRUE(root.traced.spans().spans.empty());
  fail(root, {{"x-error-bypass", "true"}}, kTrusted);
  EXPECT_TRUE(root.traced.spans().spans.empty()) << "bypassed";
}

TEST(TreeEventTest, a_recorded_span_that_is_not_sampled_is_exported_too) {
  class RecordOnly final : public Sampler {
    SamplingDecision should_sample(const SamplingParameters&) const noexcept override {
      return SamplingDecision::RecordOnly;
    }
    std::string description() const override { return "RecordOnly"; }
  };
  Service root("root", {}, sampled_at(std::make_shared<RecordOnly>()));
  fail(root, {}, kUntrusted);
  EXPECT_EQ(root.traced.spans().spans.size(), 1u);
}

TEST(TreeEventTest, failures_have_a_queue_of_their_own_that_counts_its_drops) {
  TracerProviderOptions options = sampled_at(always_off());
  options.batch.failures_max = 4;
  Service root("root", {}, options);
  root.traced.exporter->hold();
  for (int i = 0; i < 1'000; ++i) fail(root, {}, kUntrusted);
  root.traced.exporter->release();
  const uint64_t exported = root.traced.spans().spans.size();
  const uint64_t dropped = root.count("error_tree_unsent", "queue_full");
  EXPECT_GT(dropped, 0u);
  EXPECT_EQ(exported + dropped, 1'000u);
  EXPECT_EQ(root.traced.provider->stats().count(DropReason::QueueFull), dropped) << "and the server is told";
}

TEST(TreeEventTest, a_full_queue_of_spans_holds_no_failure_up) {
  TracerProviderOptions options;
  options.batch.queue_spans_max = 2;
  options.sampler = parent_based(always_on());
  Service busy("root", {}, options);
  busy.traced.exporter->hold();
  for (int i = 0; i < 100; ++i) busy.traced.tracer.start_span("x").end();
  const uint64_t dropped = busy.traced.provider->stats().count(DropReason::QueueFull);
  EXPECT_GT(dropped, 0u);
  InboundRequest request = busy.serve(kUnsampledCaller, kTrusted);
  (void)request.finish(ErrorCode::Aborted);
  request.end(/*is_delivered=*/false);
  EXPECT_EQ(busy.traced.provider->stats().count(DropReason::QueueFull), dropped);
  busy.traced.exporter->release();
}

TEST(TreeEventTest, limits_of_the_host_leave_the_tree_whole) {
  TracerProviderOptions options;
  options.limits = {.attributes = 0, .events = 0, .attributes_per_event = 0, .attribute_value_length = 1};
  Service root("root", {}, options);
  fail(root, {}, kUntrusted);
  EXPECT_EQ(event_of(root.traced.spans().spans.at(0)).tree, kFailure);
}

TEST(TreeEventTest, an_exported_tree_keeps_the_messages_that_a_header_has_no_room_for) {
  Service root("root");
  InboundRequest request = root.serve({}, {false, true});
  for (int i = 0; i < 10; ++i) {
    OutboundCall call = root.call("b", request.context());
    Headers headers;
    (void)call.start_attempt(HeadersWriter(headers));
    call.failed(ErrorCode::Aborted, std::string(1000, 'm'));
  }
  EXPECT_LE(request.finish(ErrorCode::Aborted).value.size(), 3072u);
  request.end(true);
  EXPECT_GT(root.count("error_tree_shrunk", "message"), 0u);
  EXPECT_GT(event_of(root.traced.spans().spans.at(10)).tree.size(), 10'000u);
}

}  // namespace
}  // namespace backstitch::sdk
