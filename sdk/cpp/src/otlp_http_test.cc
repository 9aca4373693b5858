#include "backstitch/otlp_http.h"

#include <arpa/inet.h>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <zlib.h>

#include "src/otlp_answer.h"
#include "src/sdk_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = ExportResult::Outcome;

// Reads one request after the other and answers with bytes that the test gives; "" closes the connection, and what
// does not end with "!" too.
class HttpServer {
 public:
  explicit HttpServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 8);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    shutdown(listener_, SHUT_RDWR);
    if (connection_ >= 0) shutdown(connection_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1/traces"; }
  std::vector<std::string> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  int connections() const { return connections_; }

 private:
  void serve() {
    size_t next = 0;
    int socket;
    while ((socket = accept(listener_, nullptr, nullptr)) >= 0) {
      connection_ = socket;
      ++connections_;
      while (read_request(socket)) {
        const std::string answer = next < answers_.size() ? answers_[next++] : "";
        if (answer == "hang") continue;  // the next read ends when the client goes
        send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
        if (answer.find("keep-alive") == std::string::npos) break;
      }
      connection_ = -1;
      close(socket);
    }
  }
  bool read_request(int socket) {
    std::string text;
    char bytes[4096];
    size_t wanted = std::string::npos;
    while (text.size() < wanted) {
      const ssize_t size = recv(socket, bytes, sizeof bytes, 0);
      if (size <= 0) return false;
      text.append(bytes, static_cast<size_t>(size));
      const size_t end = text.find("\r\n\r\n");
      const size_t length = text.find("Content-Length: ");
      if (end != std::string::npos) wanted = end + 4 + static_cast<size_t>(number(text.substr(length + 16)));
    }
    const std::scoped_lock lock(mutex_);
    requests_.push_back(text);
    return true;
  }
  static int number(const std::string& text) {
    int value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') break;
      value = 10 * value + (c - '0');
    }
    return value;
  }

  const std::vector<std::string> answers_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connection_{-1}, connections_{0};
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string answer(const std::string& status, const std::string& fields = "", const std::string& body = "") {
  return "HTTP/1.1 " + status + "\r\nConnection: keep-alive\r\n" + fields +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

ExportResult post(const HttpServer& server, std::string_view body = "body", OtlpHttpOptions options = {}) {
  options.url = server.url();
  return otlp_http_exporter(std::move(options))->export_request(body, 1, seconds(10));
}

TEST(OtlpHttpTest, posts_protobuf_with_the_hosts_headers) {
  HttpServer server({answer("200 OK")});
  OtlpHttpOptions options;
  options.headers = {{"x-tenant", "shop"}, {"x-empty", ""}};
  EXPECT_EQ(post(server, std::string_view("\0\x01", 2), options).outcome, Outcome::Done);
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /v1/traces HTTP/1.1\r\n"));
  EXPECT_NE(request.find("\r\nContent-Type: application/x-protobuf\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nx-tenant: shop\r\n"), std::string::npos);
  EXPECT_NE(request.find("\r\nx-empty:\r\n"), std::string::npos);
  EXPECT_TRUE(request.ends_with(std::string("\r\n\r\n\0\x01", 6)));
}

TEST(OtlpHttpTest, compresses_with_gzip) {
  HttpServer server({answer("200 OK")});
  OtlpHttpOptions options;
  options.is_compressed = true;
  const std::string body(10'000, 'x');
  EXPECT_EQ(post(server, body, options).outcome, Outcome::Done);
  const std::string request = server.requests().at(0);
  EXPECT_NE(request.find("\r\nContent-Encoding: gzip\r\n"), std::string::npos);
  std::string compressed = request.substr(request.find("\r\n\r\n") + 4);
  std::string out(body.size() + 1, '\0');
  z_stream stream{};
  inflateInit2(&stream, 31);
  stream.next_in = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(out.substr(0, stream.total_out), body);
  inflateEnd(&stream);
}

TEST(OtlpHttpTest, one_connection_serves_many_requests) {
  HttpServer server({answer("200 OK"), answer("200 OK"), answer("200 OK")});
  OtlpHttpOptions options;
  options.url = server.url();
  const auto exporter = otlp_http_exporter(options);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(exporter->export_request("x", 1, seconds(10)).outcome, Outcome::Done);
  EXPECT_EQ(server.connections(), 1);
}

TEST(OtlpHttpTest, a_refused_connection_may_be_tried_again) {
  OtlpHttpOptions options;
  {
    const HttpServer gone({});
    options.url = gone.url();
  }
  const ExportResult result = otlp_http_exporter(options)->export_request("x", 1, seconds(10));
  EXPECT_EQ(result.outcome, Outcome::Retry);
  EXPECT_FALSE(result.message.empty());
}

TEST(OtlpHttpTest, retry_after_is_taken_in_seconds_and_as_a_date) {
  HttpServer server({answer("429 Too Many Requests", "Retry-After: 7\r\n"), answer("503 Unavailable"),
                     answer("503 Unavailable", "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n")});
  OtlpHttpOptions options;
  options.url = server.url();
  const auto exporter = otlp_http_exporter(options);
  ExportResult result = exporter->export_request("x", 1, seconds(10));
  EXPECT_EQ(result.outcome, Outcome::Retry);
  EXPECT_EQ(result.retry_after, seconds(7));
  result = exporter->export_request("x", 1, seconds(10));
  EXPECT_EQ(result.outcome, Outcome::Retry);
  EXPECT_EQ(result.retry_after, seconds(0));
  result = exporter->export_request("x", 1, seconds(10));
  EXPECT_GT(result.retry_after, seconds(0));
}

TEST(OtlpHttpTest, other_statuses_are_for_good) {
  for (const std::string status : {"400 Bad Request", "401 Unauthorized", "404 Not Found", "500 Error", "302 Found"}) {
    HttpServer server({answer(status, "Location: /elsewhere\r\n")});
    EXPECT_EQ(post(server).outcome, Outcome::Refused) << status;
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST(OtlpHttpTest, a_slow_server_costs_no_more_than_the_timeout) {
  HttpServer server({"hang"});
  OtlpHttpOptions options;
  options.timeout = milliseconds(50);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(post(server, "x", options).outcome, Outcome::Retry);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST(OtlpHttpTest, cancel_ends_a_request_that_is_under_way) {
  HttpServer server({"hang"});
  OtlpHttpOptions options;
  options.url = server.url();
  const auto exporter = otlp_http_exporter(options);
  std::thread canceller([&] {
    eventually([&] { return !server.requests().empty(); });
    exporter->cancel();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(exporter->export_request("x", 1, seconds(60)).outcome, Outcome::Refused);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
  canceller.join();
}

TEST(OtlpHttpTest, an_answer_that_breaks_off_may_be_tried_again) {
  HttpServer cut({"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"});
  EXPECT_EQ(post(cut).outcome, Outcome::Retry);
  HttpServer silent({""});
  EXPECT_EQ(post(silent).outcome, Outcome::Retry);
}

TEST(OtlpHttpTest, partial_success_says_what_was_left_out) {
  // partial_success {rejected_spans: 3, error_message: "too old"}
  HttpServer server({answer("200 OK", "", std::string("\x0a\x0b\x08\x03\x12\x07too old"))});
  const ExportResult result = post(server);
  EXPECT_EQ(result.outcome, Outcome::Done);
  EXPECT_EQ(result.rejected_spans, 3u);
  EXPECT_EQ(result.message, "too old");
}

TEST(OtlpHttpTest, an_answer_that_cannot_be_read_says_nothing) {
  for (const std::string body : {"{}", "\x0a\xff", "\x0a\x02\x08\xff"}) {
    const ExportResult result = read_answer(200, seconds(0), body);
    EXPECT_EQ(result.outcome, Outcome::Done);
    EXPECT_EQ(result.rejected_spans, 0u);
  }
  // A negative count: -1.
  const std::string negative("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
  EXPECT_EQ(read_answer(200, seconds(0), negative).rejected_spans, 0u);
}

TEST(OtlpHttpTest, a_huge_answer_is_not_kept) {
  HttpServer server({answer("200 OK", "", std::string(1 << 20, 'x'))});
  EXPECT_EQ(post(server).outcome, Outcome::Done);
}

TEST(OtlpHttpTest, headers_and_urls_that_would_break_a_request_are_refused) {
  std::string problem;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"x", "a\r\nHost: evil"}, {"x y", "a"}, {"", "a"}, {"x:", "a"}}) {
    OtlpHttpOptions options;
    options.headers = {{name, value}};
    EXPECT_EQ(otlp_http_exporter(options, &problem), nullptr);
    EXPECT_NE(problem, "");
  }
  OtlpHttpOptions options;
  options.url = "file:///etc/passwd";
  EXPECT_EQ(otlp_http_exporter(options, &problem), nullptr);
}

}  // namespace
}  // namespace backstitch::sdk
