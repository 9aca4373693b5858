#include "route/member_link.h"

#include <atomic>
#include <gtest/gtest.h>
#include <mutex>

#include "net/grpc_server.h"

namespace backstitch::route {
namespace {

struct MemberLinkTest : testing::Test {
  base::FakeClock clock;
  base::Metrics metrics;

  std::unique_ptr<net::GrpcServer> serve(const std::string& address, net::GrpcHandler handler) {
    auto server = net::GrpcServer::start({.address = address}, std::move(handler), metrics);
    EXPECT_TRUE(server) << server.error().message;
    return std::move(*server);
  }
  static Delivery send(MemberLink& link) {
    return link.send(std::make_shared<const std::string>("x"), 1, {}).wait().delivery;
  }
  std::string free_address() {
    return serve("127.0.0.1:0", [](std::string_view, std::string&) { return net::GrpcReply{}; })->address();
  }
};

TEST_F(MemberLinkTest, member_that_was_away_is_asked_by_one_request_at_a_time_and_later_each_time) {
  MemberLink link({.name = free_address()}, clock, metrics);
  base::Duration before{0};
  for (int failure = 0; failure < 4; ++failure) {
    ASSERT_TRUE(link.may_send());
    EXPECT_EQ(failure == 0, link.may_send()) << "only while it is well may several";
    ASSERT_EQ(send(link), Delivery::Away);
    EXPECT_TRUE(link.is_away());
    base::Duration away{0};
    while (link.is_away()) {
      EXPECT_FALSE(link.may_send());
      clock.advance(std::chrono::milliseconds(10));
      away += std::chrono::milliseconds(10);
    }
    EXPECT_GE(away, before);
    before = away;
  }
}

TEST_F(MemberLinkTest, member_that_is_back_is_well) {
  const std::string address = free_address();
  MemberLink link({.name = address}, clock, metrics);
  ASSERT_EQ(send(link), Delivery::Away);
  const auto server = serve(address, [](std::string_view, std::string&) { return net::GrpcReply{}; });
  // The library connects again in its own time.
  for (int tries = 0; tries < 10'000'000 && send(link) != Delivery::Accepted; ++tries) {
  }
  EXPECT_FALSE(link.is_away());
  EXPECT_TRUE(link.may_send());
  EXPECT_TRUE(link.may_send());
}

// https://opentelemetry.io/docs/specs/otlp/#failures
TEST_F(MemberLinkTest, codes_are_judged_as_the_protocol_has_them) {
  std::mutex mutex;
  net::GrpcReply reply;
  const auto answer_with = [&](net::GrpcReply next) {
    const std::lock_guard lock(mutex);
    reply = std::move(next);
  };
  const auto server = serve("127.0.0.1:0", [&](std::string_view, std::string&) {
    const std::lock_guard lock(mutex);
    return reply;
  });
  using net::GrpcCode;
  for (const GrpcCode code : {GrpcCode::Unavailable, GrpcCode::DeadlineExceeded, GrpcCode::Cancelled, GrpcCode::Aborted,
                              GrpcCode::OutOfRange, GrpcCode::DataLoss}) {
    MemberLink link({.name = server->address()}, clock, metrics);
    answer_with({.code = code});
    EXPECT_EQ(send(link), Delivery::Away) << static_cast<int>(code);
  }
  for (const GrpcCode code : {GrpcCode::InvalidArgument, GrpcCode::ResourceExhausted, GrpcCode::Unimplemented,
                              GrpcCode::Unauthenticated, GrpcCode::Internal, GrpcCode::Unknown}) {
    MemberLink link({.name = server->address()}, clock, metrics);
    answer_with({.code = code});
    EXPECT_EQ(send(link), Delivery::Refused) << static_cast<int>(code);
  }
  for (const GrpcCode code : {GrpcCode::Unavailable, GrpcCode::ResourceExhausted}) {
    MemberLink link({.name = server->address()}, clock, metrics);
    // Status{details: [Any{RetryInfo{retry_delay: 2 s}}]}
    answer_with(
        {.code = code,
         .details = std::string("\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x02")});
    EXPECT_EQ(send(link), Delivery::Busy);
    EXPECT_TRUE(link.is_busy());
    clock.advance(std::chrono::milliseconds(1999));
    EXPECT_TRUE(link.is_busy()) << "no sooner than it asked for";
    clock.advance(std::chrono::milliseconds(600));
    EXPECT_FALSE(link.is_busy());
  }
}

TEST_F(MemberLinkTest, foreign_backend_that_denies_is_away) {
  std::atomic<net::GrpcCode> code;
  const auto server = serve("127.0.0.1:0", [&](std::string_view, std::string&) {
    return net::GrpcReply{.code = code, .message = "no token"};
  });
  for (const net::GrpcCode each :
       {net::GrpcCode::Unauthenticated, net::GrpcCode::PermissionDenied, net::GrpcCode::Unimplemented}) {
    code = each;
    MemberLink link({.name = server->address(), .is_foreign = true}, clock, metrics);
    const Delivered delivered = link.send(std::make_shared<const std::string>("x"), 1, {}).wait();
    EXPECT_EQ(delivered.delivery, Delivery::Away);
    EXPECT_TRUE(delivered.is_denied);
    EXPECT_EQ(delivered.message, server->address() + ": no token");
    EXPECT_TRUE(link.is_away());
  }
}

TEST_F(MemberLinkTest, resource_exhausted_of_a_foreign_backend_is_a_rate_limit_unless_it_speaks_of_size) {
  net::GrpcReply reply;
  const auto server = serve("127.0.0.1:0", [&](std::string_view, std::string&) { return reply; });
  MemberLink link({.name = server->address(), .is_foreign = true}, clock, metrics);
  const auto delivered = [&](net::GrpcCode code, const char* message) {
    reply = {.code = code, .message = message};
    return link.send(std::make_shared<const std::string>("x"), 1, {}).wait();
  };
  base::Duration before{0};
  for (int refusal = 0; refusal < 3; ++refusal) {
    EXPECT_EQ(delivered(net::GrpcCode::ResourceExhausted, "RATE_LIMITED: 15000000 bytes").delivery, Delivery::Busy);
    base::Duration busy{0};
    for (; link.is_busy(); busy += std::chrono::milliseconds(10)) clock.advance(std::chrono::milliseconds(10));
    EXPECT_GT(busy, before) << "longer each time";
    before = busy;
  }
  for (const char* message : {"grpc: received message larger than max (5242880 vs. 4194304)",
                              "HTTP 413, too large: ", "gRPC message exceeds maximum size 4194304: 5242880",
                              "request has 5242880 bytes; limits.request_bytes_max is 4194304"}) {
    const Delivered refused = delivered(net::GrpcCode::ResourceExhausted, message);
    EXPECT_EQ(refused.delivery, Delivery::Refused) << message;
    EXPECT_TRUE(refused.is_too_large) << message;
  }
  EXPECT_TRUE(delivered(net::GrpcCode::OutOfRange, "decoded message length too large: found 5 bytes").is_too_large);
}

}  // namespace
}  // namespace backstitch::route
