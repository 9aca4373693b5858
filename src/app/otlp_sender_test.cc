#include "app/otlp_sender.h"

#include <gtest/gtest.h>
#include <mutex>

#include "net/gzip.h"
#include "net/http_server.h"

namespace backstitch::app {
namespace {

using base::Errc;

// Answers one after the other, the last one again and again, and keeps what was asked.
struct ScriptedServer {
  explicit ScriptedServer(std::vector<net::HttpResponse> answers) : script(std::move(answers)) {
    server = net::HttpServer::start({}, [this](net::HttpRequest& request) { return answer(request); }, metrics).value();
  }
  net::HttpResponse answer(const net::HttpRequest& request) {
    const std::lock_guard lock(mutex);
    requests.push_back(request);
    return script[std::min(requests.size(), script.size()) - 1];
  }
  base::Result<SendOutcome> send(std::string_view body, OtlpSenderOptions options = {}) {
    const auto target = parse_otlp_target("http://" + server->address()).value();
    return OtlpSender::create(target, options, clock)->send(body, stop);
  }

  std::vector<net::HttpResponse> script;
  std::vector<net::HttpRequest> requests;
  std::mutex mutex;
  base::Metrics metrics;
  base::SystemClock clock;
  std::atomic<bool> stop{false};
  std::unique_ptr<net::HttpServer> server;
};

net::HttpResponse status(int code) { return {.status = code, .body = "{}"}; }

TEST(OtlpSender, sends_protobuf_to_the_default_path) {
  ScriptedServer server({status(200)});
  ASSERT_TRUE(server.send("bytes").has_value());
  ASSERT_EQ(server.requests.size(), 1U);
  EXPECT_EQ(server.requests[0].path, "/v1/traces");
  EXPECT_EQ(server.requests[0].header("content-type"), "application/x-protobuf");
  EXPECT_EQ(server.requests[0].body, "bytes");
}

TEST(OtlpSender, tries_again_after_429_and_503) {
  ScriptedServer server({status(429), status(503), status(200)});
  const auto sent = server.send("bytes");
  ASSERT_TRUE(sent.has_value()) << sent.error().message;
  EXPECT_EQ(sent->tries, 3U);
}

TEST(OtlpSender, does_not_try_again_after_400) {
  ScriptedServer server({status(400)});
  const auto sent = server.send("bytes");
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Errc::InvalidArgument);
  EXPECT_EQ(server.requests.size(), 1U);
}

TEST(OtlpSender, does_not_try_again_when_told_so) {
  ScriptedServer server({status(429)});
  const auto sent = server.send("bytes", {.retry = false});
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Errc::Overloaded);
  EXPECT_EQ(server.requests.size(), 1U);
}

TEST(OtlpSender, stops_waiting_when_interrupted) {
  ScriptedServer server({status(503)});
  server.stop = true;
  const auto sent = server.send("bytes");
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Errc::Cancelled);
}

TEST(OtlpSender, partial_success_tells_what_was_rejected) {
  // partial_success {rejected_spans: 3, error_message: "no id"}
  ScriptedServer server({{.status = 200, .body = std::string("\x0a\x09\x08\x03\x12\x05no id", 11)}});
  const auto sent = server.send("bytes");
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(sent->rejected_spans, 3U);
  EXPECT_EQ(sent->message, "no id");
}

TEST(OtlpSender, nobody_listening_is_unavailable) {
  std::string address;
  {
    ScriptedServer server({status(200)});
    address = server.server->address();
  }
  const base::SystemClock clock;
  const std::atomic<bool> stop{false};
  const auto sender = OtlpSender::create(parse_otlp_target("http://" + address).value(), {.retry = false}, clock);
  const auto sent = sender->send("bytes", stop);
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Errc::Unavailable);
}

TEST(OtlpTarget, takes_grpc_and_http_addresses) {
  EXPECT_TRUE(parse_otlp_target("grpc://127.0.0.1:4317")->is_grpc);
  EXPECT_EQ(parse_otlp_target("http://[::1]:4318/custom")->path, "/custom");
  EXPECT_EQ(parse_otlp_target("http://localhost:4318")->path, "/v1/traces");
}

TEST(OtlpTarget, what_is_no_target_is_refused) {
  for (const char* text : {"", "127.0.0.1:4317", "grpc://127.0.0.1", "https://example.com", "ftp://x:1"}) {
    EXPECT_FALSE(parse_otlp_target(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace backstitch::app
