#include "net/grpc_server.h"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "net/grpc_client.h"
#include "net/gzip_bomb.h"

namespace backstitch::net {
namespace {

using base::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kPatience{20};

GrpcReply echo(std::string_view method, std::string& body) {
  if (method != "/test.Service/Echo") return {.code = GrpcCode::Unimplemented, .message = "unknown method"};
  return {.body = body};
}

class GrpcServerTest : public testing::Test {
 protected:
  GrpcServer& start(GrpcServerOptions options = {}, GrpcHandler handler = echo) {
    auto server = GrpcServer::start(std::move(options), std::move(handler), metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    return *server_;
  }
  std::unique_ptr<GrpcClient> client(bool gzip = false) {
    return GrpcClient::create({.address = server_->address(), .gzip = gzip, .timeout = kPatience});
  }
  uint64_t answered(int code) {
    return metrics_.counter("backstitch_grpc_requests", "", {{"code", std::to_string(code)}}).value();
  }

  base::Metrics metrics_;
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(GrpcServerTest, messages_of_all_sizes_round_trip) {
  start();
  const auto own = client();
  for (const size_t size : {0, 1, 1000, 100'000, 10'000'000}) {
    const std::string body(size, 'm');
    const GrpcReply reply = own->call("/test.Service/Echo", body);
    ASSERT_EQ(reply.code, GrpcCode::Ok) << size << ": " << reply.message;
    EXPECT_TRUE(reply.body == body) << size;
  }
  EXPECT_EQ(answered(0), 5u);
}

TEST_F(GrpcServerTest, compressed_messages_round_trip) {
  start();
  const auto own = client(true);
  for (const size_t size : {0, 1, 1000, 10'000'000}) {
    const std::string body(size, 'm');
    const GrpcReply reply = own->call("/test.Service/Echo", body);
    ASSERT_EQ(reply.code, GrpcCode::Ok) << size << ": " << reply.message;
    EXPECT_TRUE(reply.body == body) << size;
  }
}

TEST_F(GrpcServerTest, code_message_and_details_arrive) {
  start({}, [](std::string_view, std::string&) {
    return GrpcReply{.code = GrpcCode::Unavailable, .message = "try later ü", .details = std::string("\x08\x0e\0x", 4)};
  });
  const GrpcReply reply = client()->call("/test.Service/Echo", "x");
  EXPECT_EQ(reply.code, GrpcCode::Unavailable);
  EXPECT_EQ(reply.message, "try later ü");
  EXPECT_EQ(reply.details, std::string("\x08\x0e\0x", 4));
}

TEST_F(GrpcServerTest, unknown_methods_reach_the_handler) {
  start();
  EXPECT_EQ(client()->call("/no.Such/Method", "x").code, GrpcCode::Unimplemented);
}

TEST_F(GrpcServerTest, a_message_beyond_the_limit_is_resource_exhausted) {
  start({.message_bytes_max = 100'000});
  const auto own = client();
  EXPECT_EQ(own->call("/test.Service/Echo", std::string(100'000, 'x')).code, GrpcCode::Ok);
  EXPECT_EQ(own->call("/test.Service/Echo", std::string(100'001, 'x')).code, GrpcCode::ResourceExhausted);
  EXPECT_EQ(own->call("/test.Service/Echo", "small again").code, GrpcCode::Ok);
}

TEST_F(GrpcServerTest, a_message_that_inflates_beyond_the_limit_is_resource_exhausted) {
  start({.message_bytes_max = 1 << 20});
  const auto own = client(true);
  EXPECT_EQ(own->call("/test.Service/Echo", std::string(1 << 20, 'x')).code, GrpcCode::Ok);
  EXPECT_EQ(own->call("/test.Service/Echo", std::string((1 << 20) + 1, 'x')).code, GrpcCode::ResourceExhausted);
}

TEST_F(GrpcServerTest, a_handler_that_throws_is_internal) {
  start({}, [](std::string_view, std::string&) -> GrpcReply { throw std::runtime_error("oh"); });
  EXPECT_EQ(client()->call("/test.Service/Echo", "x").code, GrpcCode::Internal);
}

TEST_F(GrpcServerTest, the_handler_may_take_the_body) {
  start({.threads = 1}, [](std::string_view, std::string& body) { return GrpcReply{.body = std::move(body)}; });
  const auto own = client();
  for (const char* body : {"one", "a second one that does not fit into a small string", "three"}) {
    EXPECT_EQ(own->call("/x", body).body, body);
  }
}

TEST_F(GrpcServerTest, many_clients_at_once_all_get_their_own_answer) {
  start({.threads = 3});
  const auto deadline = steady_clock::now() + kPatience;
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      const auto own = client(thread % 2 == 0);
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(thread * 1000 + i) + std::string(static_cast<size_t>(i) * 100, 'p');
        GrpcReply reply = own->call("/test.Service/Echo", body);
        // A connection that the machine could not make is made again, as exporters do.
        while (reply.code == GrpcCode::Unavailable && steady_clock::now() < deadline) {
          reply = own->call("/test.Service/Echo", body);
        }
        EXPECT_EQ(reply.code, GrpcCode::Ok) << reply.message;
        if (reply.body == body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

TEST_F(GrpcServerTest, drain_finishes_the_call_in_progress_and_refuses_new_ones) {
  std::promise<void> entered;
  std::promise<void> release;
  start({.threads = 1}, [&](std::string_view, std::string& body) {
    entered.set_value();
    release.get_future().wait();
    return GrpcReply{.body = body};
  });
  auto call = std::async(std::launch::async, [&] { return client()->call("/x", "in flight"); });
  entered.get_future().wait();
  std::thread drainer([&] { server_->drain(kPatience); });
  release.set_value();
  EXPECT_EQ(call.get().body, "in flight");
  drainer.join();
  EXPECT_EQ(client()->call("/x", "late").code, GrpcCode::Unavailable);
  server_->drain(kPatience);
}

TEST_F(GrpcServerTest, a_taken_port_is_said_by_name) {
  start();
  const auto second = GrpcServer::start({.address = server_->address()}, echo, metrics_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::AlreadyExists);
  EXPECT_NE(second.error().message.find(server_->address()), std::string::npos) << second.error().message;
}

TEST_F(GrpcServerTest, an_address_that_is_none_is_an_invalid_argument) {
  for (const char* address : {"nonsense", "192.0.2.1:4317", "no-such-host.invalid:4317"}) {
    const auto server = GrpcServer::start({.address = address}, echo, metrics_);
    ASSERT_FALSE(server) << address;
    EXPECT_EQ(server.error().code, Errc::InvalidArgument) << server.error().message;
  }
}

TEST_F(GrpcServerTest, ipv6_and_names_work) {
  for (const char* address : {"[::1]:0", "localhost:0"}) {
    auto server = GrpcServer::start({.address = address}, echo, metrics_);
    if (!server && server.error().code == Errc::InvalidArgument) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    EXPECT_EQ(client()->call("/test.Service/Echo", "six").body, "six");
  }
}

TEST_F(GrpcServerTest, a_server_ends_at_once_when_its_client_has_just_left) {
  const auto begin = steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    start();
    EXPECT_EQ(client()->call("/test.Service/Echo", std::string(4 << 20, 'x')).code, GrpcCode::Ok);
    server_.reset();
  }
  // One in ten took 10 s while the library took itself down in between.
  EXPECT_LT(steady_clock::now() - begin, kPatience / 2);
}

// HTTP/2 as bytes, for what no client library would send.
class RawHttp2 {
 public:
  explicit RawHttp2(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    send_frame(4, 0, 0, "");
  }
  ~RawHttp2() { close(socket_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  // The head of a gRPC call on stream 1, gzip announced; literal fields without compression (RFC 7541, 6.2.2).
  void send_call_head() {
    std::string block;
    for (const auto& [name, value] : {std::pair<std::string, std::string>{":method", "POST"},
                                      {":scheme", "http"},
                                      {":path", "/test.Service/Echo"},
                                      {":authority", "h"},
                                      {"te", "trailers"},
                                      {"content-type", "application/grpc"},
                                      {"grpc-encoding", "gzip"}}) {
      block += '\0';
      block += static_cast<char>(name.size());
      block += name;
      block += static_cast<char>(value.size());
      block += value;
    }
    send_frame(1, 0x4, 1, block);
  }
  // One whole message: its five bytes of gRPC framing, then DATA frames, END_STREAM on the last.
  bool send_message(bool compressed, const std::string& message) {
    std::string bytes(1, compressed ? '\1' : '\0');
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(message.size() >> shift);
    bytes += message;
    for (size_t at = 0; at < bytes.size(); at += 16384) {
      const bool last = at + 16384 >= bytes.size();
      if (!send_frame(0, last ? 1 : 0, 1, bytes.substr(at, 16384))) return false;
    }
    return true;
  }
  bool send_frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
    std::string frame;
    for (int shift = 16; shift >= 0; shift -= 8) frame += static_cast<char>(payload.size() >> shift);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(stream >> shift);
    return send(frame) && send(payload);
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  // Everything up to `text`, or to the end.
  std::string read_until(std::string_view text) {
    std::string received;
    char buffer[4096];
    while (received.find(text) == std::string::npos) {
      const ssize_t count = recv(socket_, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      received.append(buffer, static_cast<size_t>(count));
    }
    return received;
  }

 private:
  int socket_;
};

TEST_F(GrpcServerTest, a_bomb_is_resource_exhausted_and_memory_stays_flat) {
  // 60 KiB pass the server's first flow-control window, and would be 60 MiB.
  start({.message_bytes_max = 16 << 20});
  const std::string bomb = gzip_bomb(1024).substr(0, 60 << 10);
  const size_t before = resident_bytes_peak();
  for (int i = 0; i < 20; ++i) {
    RawHttp2 raw(server_->port());
    raw.send_call_head();
    ASSERT_TRUE(raw.send_message(true, bomb));
    EXPECT_NE(raw.read_until("exceed the limit").find("exceed the limit"), std::string::npos);
  }
  EXPECT_EQ(answered(8), 20u);
  EXPECT_LT(resident_bytes_peak(), before + (200 << 20));
}

TEST_F(GrpcServerTest, broken_compression_is_internal) {
  start();
  RawHttp2 raw(server_->port());
  raw.send_call_head();
  ASSERT_TRUE(raw.send_message(true, "this is not gzip"));
  raw.read_until("compressed bytes are broken");
  EXPECT_EQ(answered(13), 1u);
}

TEST_F(GrpcServerTest, an_uncompressed_message_on_a_compressed_stream_is_taken_as_it_is) {
  start();
  RawHttp2 raw(server_->port());
  raw.send_call_head();
  ASSERT_TRUE(raw.send_message(false, "plain words"));
  EXPECT_NE(raw.read_until("plain words").find("plain words"), std::string::npos);
}

TEST_F(GrpcServerTest, a_call_whose_message_never_comes_is_cancelled) {
  start({.message_timeout = milliseconds(50)});
  RawHttp2 raw(server_->port());
  raw.send_call_head();
  const auto deadline = steady_clock::now() + kPatience;
  const auto slow = [&] {
    return metrics_.counter("backstitch_grpc_refused", "", {{"reason", "slow_message"}}).value();
  };
  while (slow() == 0 && steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(slow(), 1u);
  EXPECT_EQ(client()->call("/test.Service/Echo", "next").body, "next");
}

TEST_F(GrpcServerTest, hundreds_of_stalled_calls_do_not_keep_others_out) {
  start({.threads = 1});
  std::vector<std::unique_ptr<RawHttp2>> stalled;
  for (int i = 0; i < 200; ++i) {
    stalled.push_back(std::make_unique<RawHttp2>(server_->port()));
    stalled.back()->send_call_head();
  }
  EXPECT_EQ(client()->call("/test.Service/Echo", "through").body, "through");
}

TEST_F(GrpcServerTest, bytes_that_are_no_http2_harm_nobody) {
  start();
  for (const char* bytes :
       {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    RawHttp2 raw(server_->port());
    raw.send(bytes);
    raw.send_frame(9, 0xff, 7, bytes);
  }
  EXPECT_EQ(client()->call("/test.Service/Echo", "fine").body, "fine");
}

TEST_F(GrpcServerTest, drain_cancels_a_call_that_never_ends) {
  start();
  RawHttp2 raw(server_->port());
  raw.send_call_head();
  EXPECT_EQ(client()->call("/test.Service/Echo", "x").body, "x");
  server_->drain(milliseconds(50));
}

TEST_F(GrpcServerTest, noticed_metadata_is_handed_over_before_the_call_is_handled) {
  std::vector<std::string> seen;
  GrpcServerOptions options{.threads = 1, .noticed_metadata = "x-epoch"};
  options.on_metadata = [&](std::string_view value) { seen.emplace_back(value); };
  start(std::move(options), [&](std::string_view, std::string& body) { return GrpcReply{.body = body + seen.back()}; });
  const auto own = client();
  const auto body = std::make_shared<const std::string>("is ");
  EXPECT_EQ(own->start("/test.Service/Echo", body, {{"x-epoch", "7"}, {"x-other", "8"}})->wait().body, "is 7");
  EXPECT_EQ(own->call("/test.Service/Echo", "still ").body, "still 7");
  EXPECT_EQ(seen, std::vector<std::string>{"7"});
}

TEST_F(GrpcServerTest, calls_that_were_started_run_at_the_same_time_and_may_be_given_up) {
  std::atomic<int> inside = 0;
  start({.threads = 2}, [&](std::string_view, std::string& body) {
    ++inside;
    const auto end = steady_clock::now() + kPatience;
    while (inside < 2 && steady_clock::now() < end) std::this_thread::yield();
    return GrpcReply{.body = body};
  });
  const auto one = client();
  const auto other = client();
  auto first = one->start("/test.Service/Echo", std::make_shared<const std::string>("1"), {});
  const auto second = other->start("/test.Service/Echo", std::make_shared<const std::string>("2"), {});
  EXPECT_EQ(second->wait().body, "2");
  first.reset();
}

}  // namespace
}  // namespace backstitch::net
