#include "net/http_server.h"

#include <arpa/inet.h>
#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <latch>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "net/gzip_bomb.h"
#include "net/http_client.h"

namespace backstitch::net {
namespace {

using base::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kPatience{20};  // beyond this a test has failed

// A socket that a test writes its own bytes to.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False once the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  void finish_sending() { shutdown(socket_, SHUT_WR); }
  // Everything until the server closes.
  std::string read_to_end() {
    while (read_more()) {
    }
    return received_;
  }
  // Everything until `text` is in it.
  std::string read_until(std::string_view text) {
    while (received_.find(text) == std::string::npos && read_more()) {
    }
    return received_;
  }

 private:
  bool read_more() {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, static_cast<int>(milliseconds(kPatience).count())) <= 0) {
      ADD_FAILURE() << "the server neither answered nor closed; so far: " << received_;
      return false;
    }
    char buffer[4096];
    const ssize_t count = recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    received_.append(buffer, static_cast<size_t>(count));
    return true;
  }

  int socket_;
  std::string received_;
};

size_t count_of(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

HttpResponse echo(HttpRequest& request) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path + " " + request.body;
  return response;
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServer& start(HttpServerOptions options = {}, HttpHandler handler = echo) {
    auto server = HttpServer::start(std::move(options), std::move(handler), metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    return *server_;
  }
  std::unique_ptr<HttpClient> client() { return HttpClient::create("127.0.0.1", server_->port(), kPatience); }
  uint64_t refused(const std::string& reason) {
    return metrics_.counter("backstitch_http_refused", "", {{"server", "query"}, {"reason", reason}}).value();
  }

  base::Metrics metrics_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, answers_and_counts) {
  start();
  const auto reply = client()->call("POST", "/x?q=1", {}, "hello");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "POST /x hello");
  EXPECT_EQ(metrics_.counter("backstitch_http_requests", "", {{"server", "query"}, {"status", "200"}}).value(), 1u);
}

TEST_F(HttpServerTest, a_connection_is_kept_and_closed_when_asked) {
  start();
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send(get("/1")));
  raw.read_until("GET /1 ");
  ASSERT_TRUE(raw.send(get("/2", "Connection: close\r\n")));
  const std::string all = raw.read_to_end();
  EXPECT_NE(all.find("Connection: keep-alive"), std::string::npos);
  EXPECT_NE(all.find("GET /2 "), std::string::npos);
}

TEST_F(HttpServerTest, pipelined_requests_are_answered_in_order) {
  start();
  RawClient raw(server_->port());
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += get("/" + std::to_string(i) + "/");
  ASSERT_TRUE(raw.send(requests + get("/end", "Connection: close\r\n")));
  const std::string all = raw.read_to_end();
  EXPECT_EQ(count_of(all, "HTTP/1.1 200 OK"), 201u);
  size_t last = 0;
  for (int i = 0; i < 200; ++i) {
    const size_t at = all.find("GET /" + std::to_string(i) + "/ ");
    ASSERT_NE(at, std::string::npos) << i;
    EXPECT_GE(at, last) << i;
    last = at;
  }
}

TEST_F(HttpServerTest, chunked_bodies_arrive_whole) {
  start();
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
  ASSERT_TRUE(raw.send("5\r\nhello\r\n"));
  ASSERT_TRUE(raw.send("6\r\n world\r\n0\r\n\r\n"));
  EXPECT_NE(raw.read_to_end().find("POST /c hello world"), std::string::npos);
}

TEST_F(HttpServerTest, gzip_goes_both_ways) {
  start();
  const std::string text(100'000, 'g');
  const auto reply = client()->call("POST", "/g", {{"Content-Encoding", "gzip"}}, gzip(text));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "POST /g " + text);
  RawClient raw(server_->port());
  ASSERT_TRUE(
      raw.send("POST /g HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nContent-Length: 100000\r\n"
               "Connection: close\r\n\r\n" +
               text));
  const std::string all = raw.read_to_end();
  EXPECT_NE(all.find("Content-Encoding: gzip"), std::string::npos);
  EXPECT_LT(all.size(), 2000u);
}

TEST_F(HttpServerTest, head_has_the_length_of_get_and_no_body) {
  start();
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("HEAD /h HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  const std::string all = raw.read_to_end();
  EXPECT_NE(all.find("Content-Length: 8"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
  EXPECT_EQ(client()->call("HEAD", "/h")->status, 200);
}

TEST_F(HttpServerTest, expect_continue_is_told_to_go_on) {
  start();
  RawClient raw(server_->port());
  ASSERT_TRUE(
      raw.send("POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"
               "Connection: close\r\n\r\n"));
  EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(raw.send("body"));
  EXPECT_NE(raw.read_to_end().find("POST /e body"), std::string::npos);
}

TEST_F(HttpServerTest, a_body_announced_too_large_gets_413_instead_of_continue) {
  start({.body_bytes_max = 100});
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n"));
  EXPECT_TRUE(raw.read_until("}}").starts_with("HTTP/1.1 413"));
  EXPECT_EQ(refused("too_large"), 1u);
}

TEST_F(HttpServerTest, a_client_that_goes_on_sending_still_reads_why_it_was_refused) {
  start({.body_bytes_max = 100});
  const auto reply = client()->call("POST", "/big", {}, std::string(8 << 20, 'x'));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 413);
}

TEST_F(HttpServerTest, a_malformed_head_is_400_and_closed) {
  start();
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("hello\r\n\r\n"));
  raw.finish_sending();
  const std::string all = raw.read_to_end();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400 Bad Request\r\n")) << all;
  EXPECT_NE(all.find(R"({"error":{"code":"malformed")"), std::string::npos);
}

TEST_F(HttpServerTest, refusals_are_in_the_words_of_the_protocol_that_is_spoken) {
  const auto refusal = [](const HttpRequest& head, const HttpRefusal& why) {
    return HttpResponse{
        .content_type = "text/plain", .headers = {{"X-Why", why.code}}, .body = head.path + ": " + why.message};
  };
  start({.body_bytes_max = 100, .refusal = refusal}, [](HttpRequest&) -> HttpResponse { throw std::bad_alloc(); });
  const auto large = client()->call("POST", "/large", {}, std::string(101, 'x'));
  ASSERT_TRUE(large) << large.error().message;
  EXPECT_EQ(large->status, 413);
  EXPECT_EQ(large->body, "/large: the body exceeds the limit of 100 bytes");
  const auto broken = client()->call("POST", "/broken", {{"Content-Encoding", "br"}}, "x");
  ASSERT_TRUE(broken) << broken.error().message;
  EXPECT_EQ(broken->status, 415);
  const std::pair<std::string, std::string> accepted("accept-encoding", "gzip, deflate");
  EXPECT_NE(std::find(broken->headers.begin(), broken->headers.end(), accepted), broken->headers.end())
      << "what the status wants is added";
  EXPECT_EQ(client()->call("GET", "/")->status, 500);
  EXPECT_TRUE(client()->call("GET", "/thrown")->body.starts_with("/thrown: "));
}

TEST_F(HttpServerTest, a_large_head_is_431) {
  start({.header_bytes_max = 2000});
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send(get("/", "X: " + std::string(3000, 'x') + "\r\n")));
  raw.finish_sending();
  EXPECT_TRUE(raw.read_to_end().starts_with("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, a_bomb_is_413_and_memory_stays_flat) {
  start({.body_bytes_max = 16 << 20});
  const std::string bomb = gzip_bomb(64 * 1024);  // 64 MiB that inflate to 64 GiB
  const size_t before = resident_bytes_peak();
  const auto reply = client()->call("POST", "/bomb", {{"Content-Encoding", "gzip"}}, bomb.substr(0, 1 << 20));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 413);
  EXPECT_LT(resident_bytes_peak(), before + (200 << 20));
}

TEST_F(HttpServerTest, bodies_beyond_the_total_are_429_with_retry_after) {
  start({.body_bytes_total_max = 1000});
  RawClient holder(server_->port());
  ASSERT_TRUE(holder.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"));
  holder.read_until("100 Continue");
  ASSERT_TRUE(holder.send(std::string(900, 'x')));
  // The holder's bytes may still be on their way: ask until they count.
  const auto deadline = steady_clock::now() + kPatience;
  base::Result<HttpReply> reply = client()->call("POST", "/", {}, std::string(200, 'y'));
  while (reply && reply->status == 200 && steady_clock::now() < deadline) {
    reply = client()->call("POST", "/", {}, std::string(200, 'y'));
  }
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 429);
  EXPECT_NE(
      std::find(reply->headers.begin(), reply->headers.end(), std::pair<std::string, std::string>("retry-after", "1")),
      reply->headers.end());
  EXPECT_EQ(refused("overloaded"), 1u);
}

TEST_F(HttpServerTest, a_slow_head_is_408) {
  start({.header_timeout = milliseconds(50)});
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("GET / HTTP/1.1\r\nHost:"));
  EXPECT_TRUE(raw.read_until("}}").starts_with("HTTP/1.1 408"));
  EXPECT_EQ(refused("slow_head"), 1u);
}

TEST_F(HttpServerTest, a_head_that_drips_is_408_all_the_same) {
  start({.header_bytes_max = 256 << 20, .header_timeout = milliseconds(100)});
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("GET / HTTP/1.1\r\nHost: h\r\n"));
  const auto deadline = steady_clock::now() + kPatience;
  while (refused("slow_head") == 0 && steady_clock::now() < deadline && raw.send("X: y\r\n")) {
  }
  raw.read_until("HTTP/1.1 408");
  EXPECT_EQ(refused("slow_head"), 1u);
}

TEST_F(HttpServerTest, a_slow_body_is_408) {
  start({.body_timeout = milliseconds(50)});
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345"));
  EXPECT_TRUE(raw.read_until("}}").starts_with("HTTP/1.1 408"));
  EXPECT_EQ(refused("slow_body"), 1u);
}

TEST_F(HttpServerTest, an_idle_connection_is_closed_without_a_word) {
  start({.idle_timeout = milliseconds(50)});
  RawClient fresh(server_->port());
  EXPECT_EQ(fresh.read_to_end(), "");
  RawClient used(server_->port());
  ASSERT_TRUE(used.send(get("/")));
  EXPECT_EQ(count_of(used.read_to_end(), "HTTP/1.1"), 1u);
}

TEST_F(HttpServerTest, a_client_that_does_not_read_is_closed) {
  start({.write_timeout = milliseconds(50)}, [](HttpRequest&) {
    HttpResponse response;
    response.body.assign(64 << 20, 'x');
    return response;
  });
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send(get("/")));
  const auto deadline = steady_clock::now() + kPatience;
  while (refused("slow_reader") == 0 && steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(refused("slow_reader"), 1u);
}

TEST_F(HttpServerTest, connections_beyond_the_limit_are_closed_at_once) {
  start({.connections_max = 1});
  RawClient first(server_->port());
  ASSERT_TRUE(first.send(get("/")));
  first.read_until("GET / ");
  RawClient second(server_->port());
  EXPECT_EQ(second.read_to_end(), "");
  EXPECT_EQ(refused("connections_max"), 1u);
}

TEST_F(HttpServerTest, a_slow_handler_holds_up_no_other_connection) {
  std::promise<void> release;
  start({.threads = 2}, [&, released = release.get_future().share()](HttpRequest& request) {
    if (request.path == "/slow") released.wait();
    return echo(request);
  });
  RawClient slow(server_->port());
  ASSERT_TRUE(slow.send(get("/slow")));
  int right = 0;
  for (int i = 0; i < 20; ++i) {
    const auto reply = client()->call("GET", "/fast");
    if (!reply) break;
    right += reply->status == 200 ? 1 : 0;
  }
  release.set_value();
  EXPECT_EQ(right, 20);
  slow.read_until("GET /slow");
}

TEST_F(HttpServerTest, a_handler_that_throws_is_500) {
  start({}, [](HttpRequest&) -> HttpResponse { throw std::runtime_error("oh"); });
  EXPECT_EQ(client()->call("GET", "/")->status, 500);
}

// Handles one request until its client has gone.
class Waiter {
 public:
  HttpResponse handle(const HttpRequest& request) {
    const std::stop_token gone = request.peer_gone();
    EXPECT_TRUE(request.peer_gone() == gone);
    std::promise<void> stopped;
    const std::stop_callback on_stop(gone, [&] { stopped.set_value(); });
    begun.count_down();
    ended.set_value(stopped.get_future().wait_for(kPatience) == std::future_status::ready);
    return {};
  }
  std::latch begun{1};
  std::promise<bool> ended;
};

TEST_F(HttpServerTest, a_handler_is_told_that_its_client_has_gone) {
  Waiter waiter;
  start({.threads = 1}, [&](HttpRequest& request) { return waiter.handle(request); });
  {
    RawClient client(server_->port());
    client.send(get("/slow"));
    waiter.begun.wait();
  }
  EXPECT_TRUE(waiter.ended.get_future().get());
}

TEST_F(HttpServerTest, a_client_that_sends_its_next_request_has_not_gone) {
  std::atomic<int> stopped = 0;
  start({}, [&](HttpRequest& request) {
    stopped += request.peer_gone().stop_requested() ? 1 : 0;
    return echo(request);
  });
  RawClient client(server_->port());
  client.send(get("/1") + get("/2") + get("/3", "Connection: close\r\n"));
  EXPECT_EQ(count_of(client.read_to_end(), "HTTP/1.1 200"), 3u);
  EXPECT_EQ(stopped, 0);
}

TEST_F(HttpServerTest, a_drain_whose_time_is_over_tells_the_handlers) {
  Waiter waiter;
  start({}, [&](HttpRequest& request) { return waiter.handle(request); });
  RawClient client(server_->port());
  client.send(get("/slow"));
  waiter.begun.wait();
  server_->drain(milliseconds(0));
  EXPECT_TRUE(waiter.ended.get_future().get());
}

TEST_F(HttpServerTest, drain_finishes_the_request_in_progress_and_closes_the_idle) {
  std::promise<void> entered;
  std::promise<void> release;
  start({.threads = 1}, [&](HttpRequest& request) {
    if (request.path == "/slow") {
      entered.set_value();
      release.get_future().wait();
    }
    return echo(request);
  });
  RawClient idle(server_->port());
  ASSERT_TRUE(idle.send(get("/idle")));
  idle.read_until("GET /idle");
  RawClient busy(server_->port());
  ASSERT_TRUE(busy.send(get("/slow")));
  entered.get_future().wait();
  std::thread drainer([&] { server_->drain(kPatience); });
  release.set_value();
  const std::string answer = busy.read_to_end();
  EXPECT_NE(answer.find("GET /slow"), std::string::npos);
  EXPECT_EQ(count_of(idle.read_to_end(), "HTTP/1.1"), 1u);
  drainer.join();
  EXPECT_EQ(client()->call("GET", "/").error().code, Errc::Unavailable);
  server_->drain(kPatience);
}

TEST_F(HttpServerTest, drain_gives_up_on_a_client_that_never_ends) {
  start();
  RawClient raw(server_->port());
  ASSERT_TRUE(raw.send(get("/1")));
  raw.read_until("GET /1");
  ASSERT_TRUE(raw.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n123"));
  server_->drain(milliseconds(20));
  EXPECT_EQ(count_of(raw.read_to_end(), "HTTP/1.1 200"), 1u);
}

TEST_F(HttpServerTest, a_taken_port_is_said_by_name) {
  start();
  const auto second = HttpServer::start({.address = server_->address()}, echo, metrics_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::AlreadyExists);
  EXPECT_NE(second.error().message.find(server_->address()), std::string::npos) << second.error().message;
}

TEST_F(HttpServerTest, an_address_that_is_none_is_an_invalid_argument) {
  for (const char* address : {"nonsense", "192.0.2.1:80", "no-such-host.invalid:80"}) {
    const auto server = HttpServer::start({.address = address}, echo, metrics_);
    ASSERT_FALSE(server) << address;
    EXPECT_EQ(server.error().code, Errc::InvalidArgument) << server.error().message;
  }
}

TEST_F(HttpServerTest, ipv6_and_names_work) {
  for (const char* address : {"[::1]:0", "localhost:0"}) {
    const auto server = HttpServer::start({.address = address}, echo, metrics_);
    if (!server && server.error().code == Errc::InvalidArgument) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    const std::string host = address[0] == '[' ? "::1" : "localhost";
    EXPECT_EQ(HttpClient::create(host, (*server)->port(), kPatience)->call("GET", "/")->status, 200) << address;
  }
}

TEST_F(HttpServerTest, many_clients_at_once_all_get_their_own_answer) {
  start({.threads = 4});
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      const auto own = client();
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(thread * 1000 + i);
        const auto reply = own->call("POST", "/n", {}, body);
        if (reply && reply->body == "POST /n " + body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

}  // namespace
}  // namespace backstitch::net
