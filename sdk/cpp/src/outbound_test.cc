#include "backstitch/outbound.h"

#include <gtest/gtest.h>

#include "src/middleware_testing.h"
#include "src/request_state.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kChild = R"({"service":"service-b","status":"error","code":"aborted","error":"x"})";

struct Request {
  Service root{"root"};
  InboundRequest inbound = root.serve({}, kExposed);

  void answer(const ErrorCode& code, const Headers& headers, std::string_view host = "b") {
    answer_call(root, host, inbound.context(), code, headers);
  }
  // The children in the answer's JSON.
  std::string children(const ErrorCode& own = ErrorCode::Aborted) {
    std::string value = inbound.finish(own).value;
    const size_t at = value.find("\"children\":");
    return at == std::string::npos ? "" : value.substr(at + 11, value.size() - at - 12);
  }
  uint64_t refused(std::string_view reason) const { return root.count("error_tree_refused", reason); }
};

Headers told(const Service& service, std::string_view host, const Context& context = {},
             std::optional<std::chrono::nanoseconds> timeout = {}) {
  Headers headers;
  OutboundCall call = service.call(host, context, timeout);
  EXPECT_TRUE(call.start_attempt(HeadersWriter(headers)));
  call.answered(ErrorCode::Ok, fields(Headers()));
  return headers;
}

TEST(OutboundTest, only_trusted_hosts_are_told_anything) {
  const Service root("root");
  EXPECT_TRUE(told(root, "bank.example", {}, seconds(1)).empty());
  const Headers trusted = told(root, "a.trusted", {}, seconds(1));
  EXPECT_NE(value_of(trusted, "traceparent"), "(absent)");
  EXPECT_EQ(value_of(trusted, "x-error-tree-accept"), "bin, json");
  EXPECT_EQ(value_of(trusted, "x-error-bypass"), "(absent)");
  const std::string left = value_of(trusted, "x-deadline-ms");
  EXPECT_TRUE(left == "1000" || left == "999") << left;
}

TEST(OutboundTest, a_bypass_goes_on_to_trusted_hosts_alone) {
  const Service root("root");
  const InboundRequest request = root.serve({{"x-error-bypass", "true"}});
  const Headers headers = told(root, "b", request.context());
  EXPECT_EQ(value_of(headers, "x-error-bypass"), "true");
  EXPECT_EQ(value_of(headers, "x-error-tree-accept"), "(absent)");
  EXPECT_TRUE(told(root, "bank.example", request.context()).empty());
}

TEST(OutboundTest, a_trusted_answers_tree_becomes_the_child) {
  Request request;
  request.answer(ErrorCode::Aborted, {{"X-Error-Tree", kChild}});
  EXPECT_EQ(request.children(), "[" + kChild + "]");
}

TEST(OutboundTest, an_untrusted_answers_tree_is_stripped) {
  Request request;
  request.answer(ErrorCode::Aborted, {{"x-error-tree", kChild}}, "bank.example");
  EXPECT_EQ(request.root.count("error_tree_ignored", "untrusted_upstream"), 1u);
  EXPECT_EQ(request.children(),
            R"([{"service":"bank.example:80","status":"error","code":"aborted","error":"an error occurred in service )"
            R"(bank.example:80","observed":"caller"}])");
}

TEST(OutboundTest, a_child_that_takes_anothers_name_is_marked) {
  Request request;
  request.answer(ErrorCode::Aborted, {{"x-error-tree", R"({"service":"bank","code":"aborted","error":"x"})"}});
  EXPECT_EQ(request.children(),
            R"([{"service":"bank","status":"error","code":"aborted","error":"[CLAIMED BY: service-b] x"}])");
}

TEST(OutboundTest, of_doubled_headers_the_first_valid_one_counts) {
  Request request;
  request.answer(ErrorCode::Aborted,
                 {{"x-error-tree", "{"}, {"x-error-tree", kChild}, {"x-error-tree", R"({"service":"z","code":"ok"})"}});
  EXPECT_EQ(request.children(), "[" + kChild + "]");
  EXPECT_EQ(request.refused("bad_json"), 1u);
  EXPECT_EQ(request.root.count("error_tree_ignored", "duplicate"), 1u);
}

TEST(OutboundTest, headers_of_any_size_leave_a_leaf_at_worst) {
  for (size_t size = 1; size <= 1 << 20; size *= 4) {
    Request request;
    for (const char* name : {"x-error-tree", "x-error-tree-bin"}) {
      for (const char fill : {'{', '[', 'A', '\xff', '"'}) {
        request.answer(ErrorCode::Unavailable, {{name, std::string(size, fill)}});
      }
    }
    EXPECT_NE(request.children().find(R"("observed":"caller")"), std::string::npos) << size;
    uint64_t refused = 0;
    for (const Counter& counter : request.root.middleware.counters()) {
      if (counter.name == "backstitch_error_tree_refused") refused += counter.value;
    }
    EXPECT_GE(refused, 9u) << size;
  }
}

TEST(OutboundTest, repairs_are_counted) {
  Request request;
  request.answer(ErrorCode::Aborted, {{"x-error-tree", R"({"service":"","code":"Bad Code"})"}});
  EXPECT_NE(request.children().find(R"({"service":"unknown_service","status":"error","code":"unknown")"),
            std::string::npos);
  EXPECT_EQ(request.root.count("error_tree_repaired", "service_replaced"), 1u);
  EXPECT_EQ(request.root.count("error_tree_repaired", "code_replaced"), 1u);
}

TEST(OutboundTest, retries_fold_into_one_child) {
  Request request;
  OutboundCall call = request.root.call("b", request.inbound.context());
  for (int i = 0; i < 2; ++i) {
    Headers headers;
    ASSERT_TRUE(call.start_attempt(HeadersWriter(headers)));
    EXPECT_TRUE(call.failed(ErrorCode::Unavailable, "connection refused"));
    EXPECT_FALSE(call.failed(ErrorCode::Aborted)) << "ended already";
  }
  Headers headers;
  (void)call.start_attempt(HeadersWriter(headers));
  call.answered(ErrorCode::Aborted, fields(Headers{{"x-error-tree", kChild}}));
  EXPECT_EQ(request.children(), R"([{"service":"service-b","status":"error","code":"aborted","error":"x","count":3}])");
}

TEST(OutboundTest, a_retry_that_succeeds_leaves_no_tree) {
  Request request;
  OutboundCall call = request.root.call("b", request.inbound.context());
  Headers headers;
  (void)call.start_attempt(HeadersWriter(headers));
  call.failed(ErrorCode::Unavailable);
  (void)call.start_attempt(HeadersWriter(headers));
  call.answered(ErrorCode::Ok, fields(Headers()));
  EXPECT_EQ(request.children(ErrorCode::Ok), "");
}

TEST(OutboundTest, an_attempt_that_nobody_ends_was_called_off) {
  Request request;
  {
    OutboundCall call = request.root.call("b", request.inbound.context());
    Headers headers;
    (void)call.start_attempt(HeadersWriter(headers));
    (void)call.start_attempt(HeadersWriter(headers));
  }
  EXPECT_EQ(request.children(),
            R"([{"service":"service-b","status":"error","code":"cancelled","error":"an error occurred in service )"
            R"(service-b","observed":"caller","count":2}])");
}

TEST(OutboundTest, the_late_answer_of_another_attempt_is_not_the_current_ones) {
  Request request;
  OutboundCall call = request.root.call("b", request.inbound.context());
  Headers headers;
  EXPECT_TRUE(call.start_attempt(HeadersWriter(headers)));
  const Span first = call.span();
  EXPECT_TRUE(call.start_attempt(HeadersWriter(headers)));
  const Span second = call.span();
  EXPECT_FALSE(call.answered(ErrorCode::Ok, fields(Headers()), {}, &first));
  EXPECT_TRUE(call.answered(ErrorCode::Aborted, fields(Headers()), "gone", &second));
  EXPECT_EQ(request.children(), R"([{"service":"service-b","status":"error","code":"aborted","error":"gone",)"
                                R"("observed":"caller","count":2}])");
}

TEST(OutboundTest, children_stand_in_the_order_in_which_calls_began) {
  FakeClock clock;
  MiddlewareOptions options;
  options.clock = clock.reader();
  const Service root("root", options);
  InboundRequest inbound = root.serve({}, kExposed);
  OutboundCall first = root.call("first.trusted", inbound.context());
  OutboundCall second = root.call("second.trusted", inbound.context());
  Headers headers;
  (void)first.start_attempt(HeadersWriter(headers));
  clock.advance(milliseconds(1));
  (void)second.start_attempt(HeadersWriter(headers));
  second.failed(ErrorCode::Aborted);
  first.failed(ErrorCode::DataLoss);
  const std::string value = inbound.finish(ErrorCode::DataLoss).value;
  EXPECT_LT(value.find("first.trusted:80"), value.find("second.trusted:80"));
  EXPECT_EQ(value.find("DRIFT"), std::string::npos) << "the first to start decides: data-loss is data-loss";
}

TEST(OutboundTest, an_answer_after_the_requests_own_is_too_late) {
  Request request;
  OutboundCall call = request.root.call("b", request.inbound.context());
  Headers headers;
  (void)call.start_attempt(HeadersWriter(headers));
  EXPECT_EQ(request.children(), "") << "fire and forget";
  EXPECT_FALSE(call.answered(ErrorCode::Aborted, fields(Headers{{"x-error-tree", kChild}})));
}

TEST(OutboundTest, a_request_of_many_calls_forgets_those_that_succeeded) {
  MiddlewareOptions options;
  options.attempts_max = 4;
  const Service root("root", options);
  InboundRequest inbound = root.serve({}, kExposed);
  for (int i = 0; i < 100; ++i) answer_call(root, "ok.trusted", inbound.context(), ErrorCode::Ok, {});
  answer_call(root, "b", inbound.context(), ErrorCode::Aborted, {{"x-error-tree", kChild}});
  EXPECT_NE(inbound.finish(ErrorCode::Aborted).value.find(kChild), std::string::npos);
  EXPECT_EQ(root.count("error_tree_forgotten", "attempt"), 97u);
}

TEST(OutboundTest, trees_beyond_the_requests_memory_become_leaves) {
  Request request;
  const std::string large = R"({"service":"service-b","code":"aborted","error":")" + std::string(1000, 'x') +
                            R"(","children":[)" +
                            [] {
                              std::string list;
                              for (int i = 0; i < 50; ++i) {
                                list += R"({"service":"c","code":"ok","error":")" + std::string(1000, 'y') + "\"},";
                              }
                              return list;
                            }() +
                            R"({"service":"c","code":"ok"}]})";
  for (int i = 0; i < 40; ++i) request.answer(ErrorCode::Aborted, {{"x-error-tree", large}});
  EXPECT_GT(request.root.count("error_tree_forgotten", "tree"), 10u);
  EXPECT_NE(request.children(), "");
}

TEST(OutboundTest, outside_of_a_request_calls_are_traced_alone) {
  Service root("root");
  answer_call(root, "b", Context(), ErrorCode::Aborted, {{"x-error-tree", kChild}});
  const model::SpanSet set = root.traced.spans();
  EXPECT_EQ(set.spans.at(0).status.code, model::StatusCode::Error);
  EXPECT_EQ(*find(set.spans[0].attributes, "error.type"), model::Value("aborted"));
}

TEST(OutboundTest, a_pattern_that_cannot_be_read_is_a_problem_and_no_more) {
  std::string problem;
  MiddlewareOptions options;
  options.hosts = {{"*", "", true}};
  options.on_problem = [&](std::string_view text) { problem = text; };
  const Service root("root", options);
  EXPECT_NE(problem.find("'*'"), std::string::npos) << problem;
  EXPECT_TRUE(told(root, "bank.example").empty());
}

TEST(OutboundTest, names_of_one_hop_are_known_in_any_case) {
  for (const char* name : {"x-error-tree", "X-Error-Tree-Bin", "x-error-anything", "X-DEADLINE-MS", "Context-TTL-MS"}) {
    EXPECT_TRUE(is_reserved(name)) << name;
  }
  for (const char* name : {"", "x-error", "traceparent", "x-deadline"}) EXPECT_FALSE(is_reserved(name)) << name;
}

}  // namespace
}  // namespace backstitch::sdk
