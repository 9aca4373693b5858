// Answers that are sent whole.
#include "backstitch/instrumentation/beast.h"

#include <gtest/gtest.h>

#include "instrumentation/beast_testing.h"

namespace backstitch::sdk {
namespace {

TEST(BeastTest, the_specifications_drift_comes_back_through_three_services) {
  Server e("service-e", kTrusted, {}, [](const Middleware&, const Request& request, Answer& answer) {
    EXPECT_EQ(request.count("X-Error-Anything"), 0u) << "from outside";
    EXPECT_EQ(request["x-error-tree-accept"], "bin, json");
    answer.result(403);
  });
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, calling(e.port(), 404));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(tree_of(root), kDrift);
  EXPECT_EQ(tree_of(root, "x-error-tree-bin"), "") << "what b said is taken out";
  ASSERT_TRUE(eventually([&] { return root.traced().spans().spans.size() == 4; }));
  ASSERT_TRUE(eventually([&] { return e.traced().spans().spans.size() == 2; }));
  EXPECT_EQ(root.traced().spans().spans[0].trace_id, e.traced().spans().spans[0].trace_id);
}

TEST(BeastTest, a_request_that_succeeds_has_no_tree) {
  const Server b("service-b", kTrusted, {}, answering(200));
  const Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(tree_of(root), "");
}

TEST(BeastTest, an_untrusted_upstreams_tree_does_not_get_through) {
  const Server b("service-b", kExposed, {}, answering(409));
  const Server root("root", kExposed, {}, calling(b.port()));
  EXPECT_NE(tree_of(b), "");
  EXPECT_EQ(tree_of(root).find("service-b"), std::string::npos);
}

TEST(BeastTest, a_refused_connection_is_unavailable) {
  int port;
  {
    const Server gone("service-b", kTrusted, {}, answering(200));
    port = gone.port();
  }
  const Server root("root", kExposed, {{port, "service-b"}}, calling(port));
  EXPECT_NE(tree_of(root).find(R"({"service":"service-b","status":"error","code":"unavailable","error":"Connection )"
                               R"(refused","observed":"caller"})"),
            std::string::npos);
}

TEST(BeastTest, errors_become_codes) {
  using beast_detail::code_of;
  EXPECT_EQ(code_of(beast::error::timeout, false), ErrorCode::DeadlineExceeded);
  EXPECT_EQ(code_of(asio::error::operation_aborted, true), ErrorCode::DeadlineExceeded);
  EXPECT_EQ(code_of(asio::error::operation_aborted, false), ErrorCode::Cancelled);
  EXPECT_EQ(code_of(http::error::partial_message, false), ErrorCode::Unavailable);
}

TEST(BeastTest, trusted_callees_are_told_that_trailers_are_read) {
  Traced traced;
  OutboundCall trusted(Middleware(*traced.provider, trusting({{80, "service-b"}})), {"GET /", "127.0.0.1", 80});
  Request request(http::verb::get, "/", 11);
  request.set(http::field::te, "deflate;q=0.5");
  request.keep_alive(false);
  ASSERT_TRUE(start_attempt(trusted, request));
  ASSERT_TRUE(start_attempt(trusted, request)) << "a retry";
  EXPECT_EQ(request[http::field::te], "deflate;q=0.5, trailers");
  EXPECT_EQ(request[http::field::connection], "close, TE");
  EXPECT_FALSE(request.keep_alive());

  OutboundCall other(Middleware(*traced.provider), {"GET /", "127.0.0.1", 80});
  Request plain(http::verb::get, "/", 11);
  ASSERT_TRUE(start_attempt(other, plain));
  EXPECT_EQ(plain.count(http::field::te), 0u);
  Request old(http::verb::get, "/", 10);
  ASSERT_TRUE(start_attempt(trusted, old));
  EXPECT_EQ(old.count(http::field::te), 0u);
}

TEST(BeastTest, a_stream_gives_up_when_the_call_does) {
  struct Stream {
    std::optional<std::chrono::steady_clock::time_point> until;
    void expires_at(std::chrono::steady_clock::time_point time) { until = time; }
  } stream;
  Traced traced;
  OutboundOptions options{"GET /", "127.0.0.1", 80};
  options.timeout = std::chrono::seconds(1);
  OutboundCall call(Middleware(*traced.provider), options);
  Request request;
  ASSERT_TRUE(start_attempt(call, request));
  limit(call, stream);
  EXPECT_EQ(stream.until, call.give_up_at());
  EXPECT_TRUE(stream.until);
}

}  // namespace
}  // namespace backstitch::sdk
