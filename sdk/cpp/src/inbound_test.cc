#include "backstitch/inbound.h"

#include <gtest/gtest.h>
#include <thread>

#include "backstitch/coroutine.h"
#include "src/middleware_testing.h"

namespace backstitch::sdk {
namespace {

constexpr std::string_view kLeafB =
    R"({"service":"service-b","status":"error","code":"unavailable","error":"an error occurred in service service-b",)"
    R"("observed":"caller"})";

// A call to `host` that is served there and answered with `code`, after `work` in its context.
template <typename Work>
void call_through(const Service& from, const Service& to, std::string_view host, ErrorCode code, Work work) {
  OutboundCall call = from.call(host, Context::current());
  Headers headers;
  ASSERT_TRUE(call.start_attempt(HeadersWriter(headers)));
  InboundRequest request = to.serve(headers);
  {
    const Scope scope(request.context());
    work();
  }
  const Headers answer = answer_of(request.finish(code));
  request.end(true);
  EXPECT_TRUE(call.answered(code, fields(answer)));
}

std::string answer_with_failing_b(const Service& root, const Listener& listener, const Headers& headers) {
  InboundRequest request = root.serve(headers, listener);
  OutboundCall call = root.call("b", request.context());
  Headers outgoing;
  (void)call.start_attempt(HeadersWriter(outgoing));
  call.failed(ErrorCode::Unavailable);
  const ErrorTreeHeader header = request.finish(ErrorCode::Unavailable);
  return header ? header.name : "(nothing)";
}

TEST(InboundTest, the_specifications_drift_comes_back_through_three_services) {
  const Service root("root"), b("service-b"), e("service-e");
  InboundRequest request = root.serve({}, kExposed);
  {
    const Scope scope(request.context());
    call_through(root, b, "b", ErrorCode::NotFound,
                 [&] { call_through(b, e, "e", ErrorCode::PermissionDenied, [] {}); });
  }
  const ErrorTreeHeader header = request.finish(ErrorCode::NotFound);
  EXPECT_EQ(header.name, "x-error-tree");
  EXPECT_EQ(header.value, kDrift);
}

TEST(InboundTest, the_trace_goes_on_through_trusted_services) {
  Service root("root"), b("service-b");
  InboundRequest request = root.serve({}, kUntrusted, "GET /");
  {
    const Scope scope(request.context());
    call_through(root, b, "b", ErrorCode::Ok, [] {});
  }
  (void)request.finish(ErrorCode::Ok);
  request.end(true);
  const model::SpanSet at_root = root.traced.spans(), at_b = b.traced.spans();
  ASSERT_EQ(at_root.spans.size(), 2u);
  ASSERT_EQ(at_b.spans.size(), 1u);
  const model::Span &client = at_root.spans[0], &server = at_root.spans[1];
  EXPECT_EQ(server.kind, model::SpanKind::Server);
  EXPECT_EQ(server.name, "GET /");
  EXPECT_EQ(client.kind, model::SpanKind::Client);
  EXPECT_EQ(client.parent_span_id, server.span_id);
  EXPECT_EQ(at_b.spans[0].parent_span_id, client.span_id);
  EXPECT_EQ(*find(client.attributes, "server.address"), model::Value("b"));
}

TEST(InboundTest, a_clean_request_has_no_tree) {
  Service root("root");
  InboundRequest request = root.serve({}, kExposed);
  answer_call(root, "b", request.context(), ErrorCode::Ok, {});
  EXPECT_FALSE(request.finish(ErrorCode::Ok));
  request.end(true);
  EXPECT_TRUE(root.traced.spans().spans.at(1).events.empty());
}

TEST(InboundTest, a_swallowed_failure_goes_up) {
  const Service root("root");
  InboundRequest request = root.serve({}, kExposed);
  answer_call(root, "b", request.context(), ErrorCode::Unavailable, {});
  EXPECT_EQ(
      request.finish(ErrorCode::Ok).value,
      R"({"service":"root","status":"ok","code":"ok","swallowed":true,"children":[)" + std::string(kLeafB) + "]}");
}

TEST(InboundTest, calls_in_threads_and_coroutines_belong_to_the_request) {
  const Service root("root");
  InboundRequest request = root.serve({}, kExposed);
  {
    const Scope scope(request.context());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back(bind([&] { answer_call(root, "b", Context::current(), ErrorCode::Aborted, {}); }));
    }
    for (std::thread& thread : threads) thread.join();
  }
  const auto tree = wire::error_tree::decode_json(request.finish(ErrorCode::Aborted).value);
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->tree.size(), 5u);
}

TEST(InboundTest, what_the_service_states_counts_more_than_the_status) {
  const Service root("root");
  InboundRequest request = root.serve({}, kExposed);
  {
    const Scope scope(request.context());
    std::thread(bind([] { state_outcome(ErrorCode::from_name("payment.declined"), "card 51"); })).join();
  }
  EXPECT_EQ(request.finish(ErrorCode::from_http(402)).value,
            R"({"service":"root","status":"error","code":"payment.declined","error":"card 51"})");
}

TEST(InboundTest, own_messages_pass_the_redactor) {
  MiddlewareOptions options;
  options.redact = [](std::string_view) { return std::string("***"); };
  const Service root("root", options);
  InboundRequest request = root.serve({}, kExposed);
  EXPECT_EQ(request.finish(ErrorCode::Internal, {"secret"}).value,
            R"({"service":"root","status":"error","code":"internal","error":"***"})");
}

TEST(InboundTest, a_redactor_that_throws_lets_nothing_out) {
  MiddlewareOptions options;
  options.redact = [](std::string_view) -> std::string { throw std::runtime_error("no"); };
  const Service root("root", options);
  InboundRequest request = root.serve({}, kExposed);
  EXPECT_FALSE(request.finish(ErrorCode::Internal, {"secret"}));
}

TEST(InboundTest, who_is_told_what) {
  const Service root("root");
  EXPECT_EQ(answer_with_failing_b(root, kTrusted, {}), "x-error-tree");
  EXPECT_EQ(answer_with_failing_b(root, kTrusted, {{"X-Error-Tree-Accept", "json, BIN;q=1"}}), "x-error-tree-bin");
  EXPECT_EQ(answer_with_failing_b(root, kTrusted, {{"x-error-tree-accept", "json"}}), "x-error-tree");
  EXPECT_EQ(answer_with_failing_b(root, kTrusted, {{"x-error-tree-accept", "x"}, {"x-error-tree-accept", "bin"}}),
            "x-error-tree-bin");
  EXPECT_EQ(answer_with_failing_b(root, kTrusted, {{"x-error-tree-accept", ""}}), "(nothing)");
  EXPECT_EQ(answer_with_failing_b(root, kTrusted, {{"x-error-bypass", "True"}}), "(nothing)");
  EXPECT_EQ(root.count("error_tree_unsent", "not_accepted"), 1u);
  EXPECT_EQ(root.count("error_tree_ignored", "bypass"), 1u);
  EXPECT_EQ(root.count("error_tree_ignored", "untrusted_caller"), 0u);

  EXPECT_EQ(answer_with_failing_b(root, kUntrusted, {{"x-error-tree-accept", "bin"}, {"x-deadline-ms", "5"}}),
            "(nothing)");
  EXPECT_EQ(root.count("error_tree_ignored", "untrusted_caller"), 2u);
  EXPECT_EQ(answer_with_failing_b(root, kExposed, {{"x-error-bypass", "true"}}), "x-error-tree")
      << "JSON, come what may";
}

TEST(InboundTest, a_head_that_is_gone_leaves_a_trailer_or_the_span) {
  Service root("root");
  const FinishOptions late{.message = {}, .is_head_sent = true, .own_trailers_bytes = 0};
  EXPECT_TRUE(root.serve({{"te", "deflate, Trailers"}}, kTrusted).finish(ErrorCode::Internal, late));
  {
    // Not the outermost: only because nobody else would be told.
    InboundRequest request =
        root.serve({{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}, kTrusted);
    EXPECT_FALSE(request.finish(ErrorCode::Internal, late));
    request.end(true);
  }
  EXPECT_EQ(root.count("error_tree_unsent", "head_sent"), 1u);
  EXPECT_EQ(event_of(root.traced.spans().spans.at(1)).tree,
            R"({"service":"root","status":"error","code":"internal","error":"an error occurred in service root"})");
}

TEST(InboundTest, a_request_that_nobody_answers_is_told_of_by_its_span) {
  Service root("root");
  {
    const InboundRequest request = root.serve({}, kTrusted);
  }
  const model::SpanSet set = root.traced.spans();
  EXPECT_EQ(set.spans.at(0).status.code, model::StatusCode::Error);
  EXPECT_EQ(event_of(set.spans[0]).tree,
            R"({"service":"root","status":"error","code":"unknown","error":"an error occurred in service root"})");
}

TEST(InboundTest, only_faults_of_the_server_are_errors_of_its_span) {
  Service root("root");
  (void)root.serve({}).finish(ErrorCode::NotFound);
  (void)root.serve({}).finish(ErrorCode::Unavailable, {"no bank"});
  const model::SpanSet set = root.traced.spans();
  EXPECT_EQ(set.spans.at(0).status.code, model::StatusCode::Unset);
  EXPECT_EQ(set.spans.at(1).status, (model::Status{model::StatusCode::Error, "no bank"}));
}

TEST(InboundTest, over_grpc_the_tree_fits_the_trailers) {
  const Service root("root");
  InboundRequest request(root.middleware, kTrusted, fields(Headers{{"x-error-tree-accept", "bin"}}),
                         {"Get", Protocol::Grpc});
  for (int i = 0; i < 20; ++i) answer_call(root, "b", request.context(), ErrorCode::Aborted, {});
  const ErrorTreeHeader header = request.finish(ErrorCode::Aborted, {"m", false, 6'500});
  ASSERT_EQ(header.name, "x-error-tree-bin");
  const auto decoded = wire::error_tree::decode_binary(header.value);
  ASSERT_TRUE(decoded) << "raw bytes";
  EXPECT_EQ(decoded->tree.size(), 2u) << "the failing path";
  EXPECT_EQ(root.count("error_tree_shrunk", "cousin"), 19u);
  InboundRequest full(root.middleware, kTrusted, fields(Headers()), {"Get", Protocol::Grpc});
  EXPECT_FALSE(full.finish(ErrorCode::Aborted, {"m", false, 7'200}));
  EXPECT_EQ(root.count("error_tree_unsent", "no_room"), 1u);
}

TEST(InboundTest, without_a_middleware_nothing_happens) {
  InboundRequest request(Middleware(), kTrusted, fields(Headers()), {});
  OutboundCall call(Middleware(), {});
  Headers headers;
  EXPECT_TRUE(call.start_attempt(HeadersWriter(headers)));
  EXPECT_FALSE(call.failed(ErrorCode::Unknown));
  EXPECT_TRUE(headers.empty());
  EXPECT_FALSE(request.finish(ErrorCode::Internal));
  state_outcome(ErrorCode::Internal);
  EXPECT_FALSE(work_deadline());
}

}  // namespace
}  // namespace backstitch::sdk
