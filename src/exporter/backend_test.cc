#include "exporter/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/counters.h"
#include "net/http_server.h"
#include "wire/otlp/answers.h"

namespace backstitch::exporter {
namespace {

using base::Errc;
using net::GrpcCode;

TEST(Endpoint, says_protocol_address_and_path) {
  struct Case {
    const char* text;
    Endpoint endpoint;
  };
  for (const Case& each : {Case{"tempo:4317", {Protocol::Grpc, "tempo:4317"}},
                           Case{"grpc://10.0.0.1:4317", {Protocol::Grpc, "10.0.0.1:4317"}},
                           Case{"grpc://[::1]:4317/", {Protocol::Grpc, "[::1]:4317"}},
                           Case{"http://tempo:4318", {Protocol::Http, "tempo:4318", "/v1/traces"}},
                           Case{"http://tempo:4318/", {Protocol::Http, "tempo:4318", "/v1/traces"}},
                           Case{"http://tempo:80/otlp/v1/traces", {Protocol::Http, "tempo:80", "/otlp/v1/traces"}}}) {
    const auto endpoint = parse_endpoint(each.text);
    ASSERT_TRUE(endpoint) << each.text << ": " << endpoint.error().message;
    EXPECT_EQ(*endpoint, each.endpoint) << each.text;
    EXPECT_EQ(parse_endpoint(to_string(*endpoint)), endpoint) << each.text;
  }
}

TEST(Endpoint, what_is_none_is_refused_with_what_one_looks_like) {
  for (const char* text : {"", "tempo", "tempo:0", "ftp://tempo:21", "http://", "http:///v1/traces", "grpc://tempo"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.error().code, Errc::InvalidArgument) << text;
    EXPECT_THAT(endpoint.error().message, testing::HasSubstr("HOST:PORT")) << text;
  }
  EXPECT_EQ(parse_endpoint("https://tempo:4318").error().code, Errc::Unsupported);
}

net::HttpReply reply(int status, net::HttpHeaders headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = "told"};
}

// https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
TEST(HttpAnswer, is_told_as_the_code_that_is_treated_like_it) {
  EXPECT_EQ(to_grpc_reply(reply(200)).code, GrpcCode::Ok);
  EXPECT_EQ(to_grpc_reply(reply(200)).body, "told");
  for (const int status : {429, 502, 503, 504}) {
    EXPECT_EQ(to_grpc_reply(reply(status)).code, GrpcCode::Unavailable) << status;
  }
  EXPECT_EQ(to_grpc_reply(reply(413)).code, GrpcCode::ResourceExhausted);
  EXPECT_EQ(to_grpc_reply(reply(413)).message, "HTTP 413, too large: told");
  EXPECT_EQ(to_grpc_reply(reply(401)).code, GrpcCode::Unauthenticated);
  EXPECT_EQ(to_grpc_reply(reply(403)).code, GrpcCode::PermissionDenied);
  for (const int status : {302, 404, 405}) {
    EXPECT_EQ(to_grpc_reply(reply(status)).code, GrpcCode::Unimplemented) << status;
  }
  for (const int status : {400, 500}) {
    EXPECT_EQ(to_grpc_reply(reply(status)).code, GrpcCode::InvalidArgument) << status;
  }
  EXPECT_EQ(to_grpc_reply(reply(400)).message, "HTTP 400: told");
  EXPECT_EQ(to_grpc_reply(base::fail(Errc::Timeout, "late")).code, GrpcCode::DeadlineExceeded);
  EXPECT_EQ(to_grpc_reply(base::fail(Errc::Unavailable, "nobody")).code, GrpcCode::Unavailable);
}

TEST(HttpAnswer, page_of_another_server_is_no_acknowledgement) {
  const auto page = to_grpc_reply(reply(200, {{"content-type", "text/html"}}));
  EXPECT_EQ(page.code, GrpcCode::Unimplemented);
  EXPECT_EQ(page.message, "HTTP 200 with text/html, which is no answer to an export: told");
  for (const char* type : {"application/x-protobuf", "application/json; charset=utf-8", "Application/JSON"}) {
    EXPECT_EQ(to_grpc_reply(reply(200, {{"content-type", type}})).code, GrpcCode::Ok) << type;
  }
  EXPECT_EQ(to_grpc_reply(net::HttpReply{.status = 200, .headers = {{"content-type", "text/plain"}}, .body = ""}).code,
            GrpcCode::Ok);
}

TEST(HttpAnswer, retry_after_in_seconds_is_a_pause) {
  const auto pause = [](const char* text) {
    return wire::otlp::retry_delay(to_grpc_reply(reply(503, {{"retry-after", text}})).details);
  };
  EXPECT_EQ(pause("7"), std::chrono::seconds(7));
  EXPECT_FALSE(pause("Wed, 21 Oct 2015 07:28:00 GMT"));
  EXPECT_FALSE(pause("-1"));
}

TEST(HttpBackend, posts_protobuf_with_the_headers) {
  base::Metrics metrics;
  net::HttpRequest seen;
  auto server = net::HttpServer::start(
      {.address = "127.0.0.1:0"},
      [&](net::HttpRequest& request) {
        seen = request;
        return net::HttpResponse{};
      },
      metrics);
  ASSERT_TRUE(server) << server.error().message;
  const auto endpoint = parse_endpoint("http://" + (*server)->address() + "/otlp");
  ASSERT_TRUE(endpoint);
  const auto client = connect({.endpoint = *endpoint});
  const auto answer =
      client->start("", std::make_shared<const std::string>("spans"), {{"authorization", "Bearer a=b"}})->wait();
  EXPECT_EQ(answer.code, GrpcCode::Ok) << answer.message;
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/otlp");
  EXPECT_EQ(seen.body, "spans");
  EXPECT_EQ(seen.header("content-type"), "application/x-protobuf");
  EXPECT_EQ(seen.header("authorization"), "Bearer a=b");
}

}  // namespace
}  // namespace backstitch::exporter
