#include "route/dispatcher.h"

#include <gtest/gtest.h>
#include <mutex>

#include "base/simulated_file_system.h"
#include "net/grpc_server.h"
#include "wire/otlp/decode.h"

namespace backstitch::route {
namespace {

TEST(Dispatcher, member_that_does_not_answer_in_time_is_away_and_the_next_is_asked) {
  base::Metrics metrics;
  std::mutex held;
  std::unique_lock hold(held);
  const auto hanging = net::GrpcServer::start(
      {},
      [&](std::string_view, std::string&) {
        const std::lock_guard wait(held);
        return net::GrpcReply{};
      },
      metrics);
  std::atomic<int> taken = 0;
  const auto taking = net::GrpcServer::start(
      {},
      [&](std::string_view, std::string&) {
        ++taken;
        return net::GrpcReply{};
      },
      metrics);
  ASSERT_TRUE(hanging && taking);

  base::SimulatedFileSystem disk;
  const base::SystemClock clock;
  const auto members = MemberSource::open(
      {.members = {*parse_member((*hanging)->address()), *parse_member((*taking)->address())}, .file = {}, .dns = {}},
      {.files = disk, .resolve = net::resolve, .metrics = metrics});
  ASSERT_TRUE(members);
  Dispatcher dispatcher({.timeout = std::chrono::seconds(3), .give_up_after = std::chrono::minutes(1)}, **members,
                        {clock, metrics});
  model::SpanSet set{.resources = {{}}, .scopes = {{}}, .spans = {}};
  for (uint8_t i = 1; i <= 64; ++i) {
    model::Span& span = set.spans.emplace_back();
    span.trace_id.bytes[15] = i;
  }
  const auto done = dispatcher.dispatch(std::make_shared<const std::string>(wire::otlp::encode_request(set)));
  hold.unlock();
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->left.empty());
  EXPECT_EQ(taken, 2);
  EXPECT_EQ(metrics.counter("backstitch_route_failures", "", {{"member", (*hanging)->address()}, {"reason", "timeout"}})
                .value(),
            1U);
}

}  // namespace
}  // namespace backstitch::route
