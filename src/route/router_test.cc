// A router between a client and nodes that are gRPC servers of this process, which do as a test says.
#include "route/router.h"

#include <atomic>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <thread>

#include "base/simulated_file_system.h"
#include "net/grpc_server.h"
#include "wire/otlp/answers.h"
#include "wire/otlp/decode.h"

namespace backstitch::route {
namespace {

using base::Errc;
using base::Result;
using testing::HasSubstr;

constexpr std::chrono::seconds kPatience{60};

bool eventually(const std::function<bool()>& holds) {
  const base::SystemClock clock;
  const base::Duration end = clock.monotonic() + kPatience;
  while (!holds()) {
    if (clock.monotonic() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// What a node answers to a request.
using Answer = std::function<net::GrpcReply(const std::string& body)>;

net::GrpcReply busy_reply() {
  return {.code = net::GrpcCode::Unavailable,
          .message = "full",
          .details = wire::otlp::encode_status({14, "full", std::chrono::seconds(1)}, wire::otlp::Encoding::Protobuf)};
}

class Node {
 public:
  explicit Node(std::string address = "127.0.0.1:0") {
    net::GrpcServerOptions options{.address = std::move(address), .threads = 2};
    options.noticed_metadata = std::string(kEpochHeader);
    options.on_metadata = [this](std::string_view value) {
      const std::lock_guard lock(mutex_);
      epoch_ = value;
    };
    auto server = net::GrpcServer::start(
        std::move(options), [this](std::string_view, std::string& body) { return handle(body); }, metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::string address() const { return server_->address(); }
  // Spans that it took, by trace.
  std::map<uint64_t, size_t> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  size_t span_count() const {
    size_t count = 0;
    for (const auto& [trace, spans] : spans()) count += spans;
    return count;
  }
  std::string epoch() const {
    const std::lock_guard lock(mutex_);
    return epoch_;
  }

 private:
  net::GrpcReply handle(const std::string& body) {
    const std::lock_guard lock(mutex_);
    if (answer_) {
      net::GrpcReply reply = answer_(body);
      if (reply.code != net::GrpcCode::Ok) return reply;
      take(body);
      return reply;
    }
    take(body);
    return {};
  }
  void take(const std::string& body) {
    const auto set = wire::otlp::decode_request(body);
    ASSERT_TRUE(set) << set.error().message;
    for (const model::Span& span : set->spans) ++spans_[span.trace_id.low64()];
  }

  base::Metrics metrics_;
  mutable std::mutex mutex_;
  Answer answer_;
  std::map<uint64_t, size_t> spans_;
  std::string epoch_;
  std::unique_ptr<net::GrpcServer> server_;
};

// `count` traces from `first` on, of two spans each, told apart by their ids.
std::string request_of(uint64_t first, uint64_t count) {
  model::SpanSet set{.resources = {{}}, .scopes = {{}}, .spans = {}};
  for (uint64_t i = 0; i < 2 * count; ++i) {
    model::Span span;
    const uint64_t trace = first + i % count;
    for (size_t byte = 0; byte < 8; ++byte) span.trace_id.bytes[15 - byte] = static_cast<uint8_t>(trace >> (8 * byte));
    span.trace_id.bytes[0] = 1;
    span.span_id.bytes[0] = 1;
    span.name = "op";
    set.spans.push_back(span);
  }
  return wire::otlp::encode_request(set);
}

struct RouterTest : testing::Test {
  base::SimulatedFileSystem disk;
  base::SystemClock clock;
  base::Metrics metrics;
  std::unique_ptr<MemberSource> members;
  std::unique_ptr<Router> router;

  void start(const std::vector<std::string>& names, uint64_t queue_bytes = 64 << 20) {
    router.reset();
    std::string file;
    for (const std::string& name : names) file += name + "\n";
    disk.set_contents("members", file);
    auto source = MemberSource::open({.members = {}, .file = "members", .dns = {}},
                                     {.files = disk, .resolve = net::resolve, .metrics = metrics});
    ASSERT_TRUE(source) << source.error().message;
    members = std::move(*source);
    RouterOptions options{.queue = {.directory = "queue",
                                    .name = "spans",
                                    .max_bytes = queue_bytes,
                                    .segment_bytes = 64 << 10,
                                    .free_bytes_min = 0},
                          .dispatch = {.timeout = std::chrono::seconds(20), .give_up_after = std::chrono::seconds(30)}};
    auto started = Router::start(options, *members, {disk, clock, metrics});
    ASSERT_TRUE(started) << started.error().message;
    router = std::move(*started);
  }
  Result<ingest::Received> receive(std::string request) { return router->receive_traces(request); }
  void receive_all(uint64_t first, uint64_t count) {
    const auto received = receive(request_of(first, count));
    ASSERT_TRUE(received) << received.error().message;
    EXPECT_EQ(received->accepted_spans, 2 * count);
    EXPECT_EQ(received->rejected_spans, 0U);
  }
  uint64_t counter(const std::string& name, const base::Labels& labels = {}) {
    return metrics.counter(name, "", labels).value();
  }
  ~RouterTest() override { router.reset(); }
};

TEST_F(RouterTest, whole_traces_go_to_their_owners_with_the_epoch) {
  Node a, b, c;
  start({a.address(), b.address(), c.address()});
  receive_all(0, 300);
  const auto list = members->current();
  for (Node* node : {&a, &b, &c}) {
    const auto spans = node->spans();
    EXPECT_GT(spans.size(), 50U);
    for (const auto& [trace, count] : spans) {
      EXPECT_EQ(count, 2U);
      EXPECT_EQ((*list)[list->owner_of(trace)].name, node->address());
    }
    EXPECT_EQ(node->epoch(), list->epoch_text());
  }
  EXPECT_EQ(a.span_count() + b.span_count() + c.span_count(), 600U);
  EXPECT_EQ(counter("backstitch_route_spans", {{"member", a.address()}}), a.span_count());
}

TEST_F(RouterTest, spans_of_an_unreachable_member_go_to_the_next) {
  Node a;
  auto gone = std::make_unique<Node>();
  const std::string address = gone->address();
  gone.reset();
  start({a.address(), address});
  receive_all(0, 100);
  EXPECT_EQ(a.span_count(), 200U);
  EXPECT_GT(counter("backstitch_route_rerouted_spans", {{"member", address}}), 50U);
  EXPECT_GT(counter("backstitch_route_failures", {{"member", address}, {"reason", "unreachable"}}), 0U);
  EXPECT_EQ(counter("backstitch_route_queued_spans"), 0U);
}

TEST_F(RouterTest, what_nobody_takes_waits_in_the_queue_for_a_member_over_a_restart_too) {
  auto gone = std::make_unique<Node>();
  const std::string address = gone->address();
  gone.reset();
  start({address});
  receive_all(0, 10);
  receive_all(10, 10);
  EXPECT_EQ(counter("backstitch_route_queued_spans"), 40U);
  start({address});
  Node back(address);
  EXPECT_TRUE(eventually([&] { return back.spans().size() == 20; }));
  EXPECT_TRUE(eventually([&] { return counter("backstitch_queue_delivered", {{"queue", "spans"}}) == 2; }));
}

TEST_F(RouterTest, router_without_members_takes_spans_and_delivers_them_later) {
  Node a;
  start({});
  EXPECT_FALSE(router->has_members());
  receive_all(0, 10);
  disk.set_contents("members", a.address() + "\n");
  ASSERT_TRUE(*members->refresh());
  EXPECT_TRUE(router->has_members());
  EXPECT_TRUE(eventually([&] { return a.span_count() == 20; }));
}

TEST_F(RouterTest, member_that_asks_for_a_pause_gets_it_and_its_spans_wait) {
  Node a;
  std::atomic<bool> is_full = true;
  std::atomic<int> asked = 0;
  a.answer([&](const std::string&) {
    ++asked;
    return is_full ? busy_reply() : net::GrpcReply{};
  });
  start({a.address()});
  receive_all(0, 10);
  receive_all(10, 10);
  EXPECT_EQ(asked, 1);
  is_full = false;
  EXPECT_TRUE(eventually([&] { return a.spans().size() == 20; }));
  EXPECT_EQ(counter("backstitch_route_failures", {{"member", a.address()}, {"reason", "busy"}}), 1U);
}

TEST_F(RouterTest, member_that_stays_full_does_not_hold_up_what_waits_for_others) {
  Node a, b;
  std::atomic<bool> is_full = true;
  a.answer([&](const std::string&) { return is_full ? busy_reply() : net::GrpcReply{}; });
  b.answer([&](const std::string&) { return is_full ? busy_reply() : net::GrpcReply{}; });
  start({a.address(), b.address()});
  // More than one batch of what waits for both.
  for (uint64_t i = 0; i < 300; ++i) receive_all(10 * i, 10);
  b.answer({});
  const auto list = members->current();
  size_t of_b = 0;
  for (uint64_t trace = 0; trace < 3000; ++trace) of_b += (*list)[list->owner_of(trace)].name == b.address() ? 1 : 0;
  EXPECT_TRUE(eventually([&] { return b.spans().size() == of_b; }));
  EXPECT_EQ(a.span_count(), 0U);
  is_full = false;
  EXPECT_TRUE(eventually([&] { return a.spans().size() + b.spans().size() == 3000; }));
}

TEST_F(RouterTest, rejected_spans_of_all_members_are_passed_back) {
  Node a, b;
  for (Node* node : {&a, &b}) {
    node->answer([](const std::string&) {
      return net::GrpcReply{.body = wire::otlp::encode_export_response({.rejected_spans = 3, .message = "no id"},
                                                                       wire::otlp::Encoding::Protobuf)};
    });
  }
  start({a.address(), b.address()});
  const auto received = receive(request_of(0, 50));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->rejected_spans, 6U);
  EXPECT_EQ(received->accepted_spans, 94U);
  EXPECT_EQ(received->message, "no id");
}

TEST_F(RouterTest, part_that_must_not_be_sent_again_is_rejected_and_the_rest_taken) {
  Node a, b;
  a.answer([](const std::string&) { return net::GrpcReply{.code = net::GrpcCode::InvalidArgument, .message = "bad"}; });
  start({a.address(), b.address()});
  const auto received = receive(request_of(0, 50));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->accepted_spans, b.span_count());
  EXPECT_EQ(received->rejected_spans, 100 - b.span_count());
  EXPECT_THAT(received->message, HasSubstr(a.address() + ": bad"));
  EXPECT_EQ(counter("backstitch_route_queued_spans"), 0U);
}

TEST_F(RouterTest, request_that_no_member_will_ever_take_is_refused_as_they_refuse_it) {
  Node a;
  start({a.address()});
  a.answer([](const std::string&) { return net::GrpcReply{.code = net::GrpcCode::InvalidArgument, .message = "bad"}; });
  EXPECT_EQ(receive(request_of(0, 2)).error().code, Errc::Malformed);
  a.answer([](const std::string&) { return net::GrpcReply{.code = net::GrpcCode::ResourceExhausted}; });
  EXPECT_EQ(receive(request_of(0, 2)).error().code, Errc::TooLarge);
  EXPECT_EQ(receive("\x0a\x7f").error().code, Errc::Malformed);
}

TEST_F(RouterTest, nothing_is_acknowledged_that_is_nowhere) {
  auto gone = std::make_unique<Node>();
  const std::string address = gone->address();
  gone.reset();
  start({address}, 128 << 10);
  uint64_t accepted = 0;
  Result<ingest::Received> received;
  while (accepted < 1000 && (received = receive(request_of(100 * accepted, 100)))) ++accepted;
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Errc::NoSpace);
  Node back(address);
  EXPECT_TRUE(eventually([&] { return back.spans().size() == 100 * accepted; }));
}

TEST_F(RouterTest, one_request_that_is_refused_takes_no_other_out_of_the_queue_with_it) {
  auto gone = std::make_unique<Node>();
  const std::string address = gone->address();
  gone.reset();
  start({address});
  const std::string poison = request_of(7, 1);
  for (uint64_t trace = 0; trace < 20; ++trace) receive_all(trace, 1);
  Node back(address);
  back.answer([&](const std::string& body) {
    return body.find(poison.substr(8, 40)) == std::string::npos
               ? net::GrpcReply{}
               : net::GrpcReply{.code = net::GrpcCode::InvalidArgument, .message = "poison"};
  });
  EXPECT_TRUE(eventually([&] { return back.spans().size() == 19; }));
  EXPECT_TRUE(eventually([&] { return counter("backstitch_route_lost_spans", {{"reason", "refused"}}) == 2; }));
  EXPECT_TRUE(eventually([&] { return counter("backstitch_queue_delivered", {{"queue", "spans"}}) == 20; }));
}

TEST_F(RouterTest, member_that_is_added_gets_its_traces_from_then_on) {
  Node a, b;
  start({a.address()});
  receive_all(0, 50);
  disk.set_contents("members", a.address() + "\n" + b.address() + "\n");
  ASSERT_TRUE(*members->refresh());
  receive_all(1000, 50);
  EXPECT_EQ(a.span_count() + b.span_count(), 200U);
  EXPECT_GT(b.span_count(), 20U);
  const auto list = members->current();
  for (const auto& [trace, count] : b.spans()) EXPECT_EQ((*list)[list->owner_of(trace)].name, b.address());
  EXPECT_EQ(b.epoch(), list->epoch_text());
}

// Once it did not: what tells of the members asked for what makes new ones, and the other way round.
// Rendered at the time of each change; a reader that never rests would leave the lock to nobody.
TEST_F(RouterTest, metrics_can_be_read_while_members_come_and_go) {
  start({"a:1"});
  constexpr int kMembers = 100;
  std::atomic<int> changes = 1;
  std::jthread reader([&] {
    for (int seen = 1; seen < kMembers; seen = changes) {
      (void)metrics.render();
      changes.wait(seen);
    }
  });
  while (++changes < kMembers) {
    changes.notify_one();
    disk.set_contents("members", "a:" + std::to_string(changes) + "\n");
    EXPECT_TRUE(*members->refresh());
  }
  changes.notify_one();
}

TEST_F(RouterTest, stopped_router_refuses_and_may_be_sent_the_same_again) {
  Node a;
  start({a.address()});
  router->stop();
  EXPECT_EQ(receive(request_of(0, 1)).error().code, Errc::Unavailable);
}

TEST_F(RouterTest, requests_of_many_clients_arrive_once) {
  Node a, b;
  start({a.address(), b.address()});
  {
    std::vector<std::jthread> clients;
    for (uint64_t client = 0; client < 8; ++client) {
      clients.emplace_back([&, client] {
        for (uint64_t i = 0; i < 20; ++i) receive_all(client * 10'000 + i * 10, 10);
      });
    }
  }
  EXPECT_EQ(a.span_count() + b.span_count(), 8U * 20 * 20);
  for (const auto& [trace, count] : a.spans()) EXPECT_EQ(count, 2U);
}

}  // namespace
}  // namespace backstitch::route
