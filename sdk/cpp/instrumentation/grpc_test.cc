// The synchronous API, over real servers and channels.
#include "backstitch/instrumentation/grpc.h"

#include <gtest/gtest.h>

#include "instrumentation/grpc_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(GrpcTest, the_specifications_drift_comes_back_through_three_services) {
  Server e("service-e", kTrusted, {}, answering(grpc::StatusCode::PERMISSION_DENIED));
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, calling(e.port(), grpc::StatusCode::NOT_FOUND));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  const Answer answer = ask(root);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(answer.tree, kDrift);
  const auto at_root = root.spans(model::SpanKind::Server), at_b = b.spans(model::SpanKind::Server);
  ASSERT_EQ(at_root.size(), 1u);
  ASSERT_EQ(at_b.size(), 1u);
  EXPECT_EQ(at_root[0].trace_id, at_b[0].trace_id);
}

TEST(GrpcTest, a_call_that_succeeds_has_no_tree) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  const Answer answer = ask(root);
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.tree, "");
}

TEST(GrpcTest, messages_travel_with_their_service) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::ABORTED, "card declined"));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(children(ask(root).tree),
            R"({"service":"service-b","status":"error","code":"aborted","error":"card declined"})");
}

TEST(GrpcTest, a_trusted_caller_that_says_nothing_gets_json) {
  Server b("service-b", kTrusted, {}, answering(grpc::StatusCode::ABORTED));
  EXPECT_NE(ask(b).tree, "");
  EXPECT_EQ(ask(b, {{"x-error-tree-accept", "bin"}}).tree, "");
  EXPECT_EQ(ask(b, {{"x-error-bypass", "true"}}).tree, "");
}

TEST(GrpcTest, a_refused_connection_is_unavailable_and_retries_fold) {
  int port;
  {
    Server gone("service-b", kTrusted, {}, answering(grpc::StatusCode::OK));
    port = gone.port();
  }
  Server root("root", kExposed, {{port, "service-b"}}, calling(port, {}, 2));
  const std::string child = children(ask(root).tree);
  EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"unavailable")"), 0u) << child;
  EXPECT_NE(child.find(R"("observed":"caller","count":2)"), std::string::npos) << child;
}

TEST(GrpcTest, a_callee_that_is_too_slow_exceeds_the_deadline_and_reports_its_end) {
  Server b("service-b", kTrusted, {}, [](const Middleware&, grpc::ServerContext& context) {
    EXPECT_TRUE(work_deadline());
    state_committed(true);
    EXPECT_TRUE(eventually([&] { return context.IsCancelled(); }));
    return grpc::Status::OK;
  });
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port(), {}, 1, milliseconds(100)));
  const std::string child = children(ask(root).tree);
  EXPECT_EQ(child.find(R"({"service":"service-b","status":"error","code":"deadline-exceeded")"), 0u) << child;
  EXPECT_NE(child.find(R"("observed":"caller")"), std::string::npos) << child;
  const auto at_b = b.spans(model::SpanKind::Server);
  ASSERT_EQ(at_b.size(), 1u);
  EXPECT_EQ(event_of(at_b[0]).is_committed, true);
}

TEST(GrpcTest, deadlines_shrink_on_the_way) {
  std::optional<std::chrono::nanoseconds> left;
  Server b("service-b", kTrusted, {}, [&](const Middleware&, grpc::ServerContext&) {
    left = *work_deadline() - std::chrono::steady_clock::now();
    return grpc::Status::OK;
  });
  Server root("root", {true}, {{b.port(), "service-b"}}, calling(b.port()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + seconds(60));
  EXPECT_TRUE(get(root.port(), context).ok());
  ASSERT_TRUE(left);
  // 60 s less a twentieth, twice; on its way the library rounds a time up to three digits.
  EXPECT_LE(*left, milliseconds(57'100) * 95 / 100);
  EXPECT_GT(*left, seconds(20));
}

}  // namespace
}  // namespace backstitch::sdk
