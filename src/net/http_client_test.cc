#include "net/http_client.h"

#include <atomic>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "net/http_server.h"

namespace backstitch::net {
namespace {

using base::Errc;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Listens, and answers each connection in turn with fixed bytes, whatever it is asked.
class FixedServer {
 public:
  explicit FixedServer(std::vector<std::string> answers) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size), 0);
    port_ = ntohs(name.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) {
        const int peer = accept(listener_, nullptr, nullptr);
        char request[4096];
        if (recv(peer, request, sizeof request, 0) > 0) send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
        close(peer);
      }
    });
  }
  ~FixedServer() {
    thread_.join();
    close(listener_);
  }
  uint16_t port() const { return port_; }

 private:
  int listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST(HttpUrlParsing, host_port_and_target_are_taken_apart) {
  const auto full = parse_url("http://example.com:8080/a/b?q=1#fragment");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->host, "example.com");
  EXPECT_EQ(full->port, 8080);
  EXPECT_EQ(full->target, "/a/b?q=1");
  EXPECT_EQ(parse_url("http://h")->port, 80);
  EXPECT_EQ(parse_url("http://h")->target, "/");
  EXPECT_EQ(parse_url("HTTP://h?x=1")->target, "/?x=1");
  EXPECT_EQ(parse_url("http://[::1]:16686/")->host, "::1");
  EXPECT_EQ(parse_url("http://[::1]/")->port, 80);
}

TEST(HttpUrlParsing, what_is_no_url_is_refused) {
  for (const char* url : {"", "localhost:80", "http://", "http://:80", "http://h:x", "ftp://h", "http://u:p@h/",
                          "http://h/a b", "http://h/\r\nX: y"}) {
    const auto parsed = parse_url(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().code, Errc::InvalidArgument) << url;
  }
  EXPECT_EQ(parse_url("https://h/").error().code, Errc::Unsupported);
}

TEST(HttpClientCall, nobody_listening_is_unavailable) {
  uint16_t port = 0;
  {
    FixedServer gone({});
    port = gone.port();
  }
  EXPECT_EQ(HttpClient::create("127.0.0.1", port)->call("GET", "/").error().code, Errc::Unavailable);
  EXPECT_EQ(HttpClient::create("no-such-host.invalid", 80)->call("GET", "/").error().code, Errc::Unavailable);
}

TEST(HttpClientCall, an_answer_that_is_not_http_is_malformed) {
  FixedServer server({"SSH-2.0-OpenSSH\r\n\r\n"});
  EXPECT_EQ(HttpClient::create("127.0.0.1", server.port())->call("GET", "/").error().code, Errc::Malformed);
}

TEST(HttpClientCall, a_cut_answer_is_unavailable) {
  FixedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"});
  EXPECT_EQ(HttpClient::create("127.0.0.1", server.port())->call("GET", "/").error().code, Errc::Unavailable);
}

TEST(HttpClientCall, an_answer_without_length_goes_to_the_end) {
  FixedServer server({"HTTP/1.0 200 OK\r\nX-Up: V\r\n\r\nall of it"});
  const auto reply = HttpClient::create("127.0.0.1", server.port())->call("GET", "/");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "all of it");
  EXPECT_EQ(reply->headers, (HttpHeaders{{"x-up", "V"}}));
}

TEST(HttpClientCall, a_kept_connection_that_was_closed_is_opened_again) {
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  FixedServer server({answer, answer});  // closes after each, though it never said so
  const auto client = HttpClient::create("127.0.0.1", server.port());
  for (int i = 0; i < 2; ++i) {
    const auto reply = client->call("POST", "/", {}, "x");
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, "ok");
  }
}

TEST(HttpClientCall, a_stop_ends_the_call_under_way_and_all_to_come) {
  base::Metrics metrics;
  std::atomic<bool> over = false;
  std::atomic<bool> is_asked = false;
  auto server = HttpServer::start(
      {},
      [&](HttpRequest&) {
        is_asked = true;
        is_asked.notify_all();
        over.wait(false);
        return HttpResponse{};
      },
      metrics);
  ASSERT_TRUE(server);
  const auto client = HttpClient::create("127.0.0.1", (*server)->port(), std::chrono::hours(1));
  std::thread stopper([&] {
    is_asked.wait(false);
    client->stop();
  });
  for (int i = 0; i < 2; ++i) {
    const auto reply = client->call("POST", "/", {}, "x");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::Unavailable) << reply.error().message;
  }
  stopper.join();
  over = true;
  over.notify_all();
}

TEST(HttpClientCall, a_server_that_does_not_answer_is_a_timeout) {
  base::Metrics metrics;
  std::atomic<bool> over = false;
  auto server = HttpServer::start(
      {},
      [&](HttpRequest&) {
        over.wait(false);
        return HttpResponse{};
      },
      metrics);
  ASSERT_TRUE(server);
  const auto reply = HttpClient::create("127.0.0.1", (*server)->port(), milliseconds(50))->call("GET", "/");
  over = true;
  over.notify_all();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::Timeout);
}

TEST(HttpClientCall, large_bodies_round_trip) {
  base::Metrics metrics;
  auto server = HttpServer::start(
      {},
      [](HttpRequest& request) {
        HttpResponse response;
        response.body = std::move(request.body);
        return response;
      },
      metrics);
  ASSERT_TRUE(server);
  std::string body;
  while (body.size() < (10 << 20)) body += std::to_string(body.size());
  const auto reply = HttpClient::create("127.0.0.1", (*server)->port())->call("POST", "/", {}, body);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->body == body);
}

HttpCall call_to(uint16_t port) {
  return {.server = {"127.0.0.1", port}, .method = "POST", .target = "/x", .headers = {}, .body = "?"};
}

std::string ok_with(const std::string& body) {
  return "HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(HttpFanoutCall, each_call_has_its_servers_answer_beside_it) {
  FixedServer one({ok_with("one")});
  FixedServer two({ok_with("second")});
  uint16_t gone_port = 0;
  {
    FixedServer gone({});
    gone_port = gone.port();
  }
  const auto replies =
      HttpFanout::create({})->call(std::vector{call_to(one.port()), call_to(gone_port), call_to(two.port())});
  ASSERT_EQ(replies.size(), 3u);
  ASSERT_TRUE(replies[0] && replies[2]);
  EXPECT_EQ(replies[0]->body, "one");
  EXPECT_EQ(replies[1].error().code, Errc::Unavailable);
  EXPECT_EQ(replies[2]->body, "second");
}

TEST(HttpFanoutCall, who_is_silent_takes_no_answer_from_the_others) {
  FixedServer silent({""});  // closes without a word
  FixedServer one({ok_with("one")});
  const auto replies = HttpFanout::create({})->call(std::vector{call_to(silent.port()), call_to(one.port())});
  EXPECT_EQ(replies[0].error().code, Errc::Unavailable);
  EXPECT_EQ(replies[1]->body, "one");
}

TEST(HttpFanoutCall, silent_servers_are_waited_for_at_the_same_time) {
  // Both listen and never accept: the system completes the connection, and no answer comes.
  const auto silent = [] {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(listen(listener, 8), 0);
    EXPECT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size), 0);
    return std::pair(listener, ntohs(name.sin_port));
  };
  const auto [first, first_port] = silent();
  const auto [second, second_port] = silent();
  const auto replies =
      HttpFanout::create({.timeout = milliseconds(50)})->call(std::vector{call_to(first_port), call_to(second_port)});
  EXPECT_EQ(replies[0].error().code, Errc::Timeout);
  EXPECT_EQ(replies[1].error().code, Errc::Timeout);
  close(first);
  close(second);
}

TEST(HttpFanoutCall, an_answer_beyond_the_bound_is_too_large) {
  FixedServer one({ok_with(std::string(100, 'x'))});
  const auto replies =
      HttpFanout::create({.timeout = seconds(5), .reply_bytes_max = 99})->call(std::vector{call_to(one.port())});
  EXPECT_EQ(replies[0].error().code, Errc::TooLarge);
}

TEST(HttpFanoutCall, connections_are_kept_between_calls) {
  base::Metrics metrics;
  std::atomic<int> asked{0};
  auto server =
      HttpServer::start({}, [&](HttpRequest&) { return HttpResponse{.body = std::to_string(++asked)}; }, metrics);
  ASSERT_TRUE(server);
  auto fanout = HttpFanout::create({});
  const std::vector calls{call_to((*server)->port())};
  EXPECT_EQ(fanout->call(calls)[0]->body, "1");
  EXPECT_EQ(fanout->call(calls)[0]->body, "2");
  EXPECT_EQ(fanout->call({}).size(), 0u);  // closes it
  EXPECT_EQ(fanout->call(calls)[0]->body, "3");
}

}  // namespace
}  // namespace backstitch::net
