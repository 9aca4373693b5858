#include <gtest/gtest.h>

#include "api/otlp/grpc.h"
#include "api/otlp/http.h"
#include "wire/otlp/decode.h"

namespace backstitch::api {
namespace {

using base::Errc;
using net::GrpcCode;

constexpr std::string_view kExport = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

// Answers what it was told to and keeps what it got.
class FakeReceiver final : public ingest::Receiver {
 public:
  base::Result<> check_ready() override { return ready; }
  base::Result<ingest::Received> receive_traces(std::string& request) override {
    requests.push_back(request);
    return answer;
  }
  std::vector<std::string> requests;
  base::Result<> ready;
  base::Result<ingest::Received> answer = ingest::Received{.accepted_spans = 1, .rejected_spans = 0, .message = {}};
};

struct OtlpHttpTest : testing::Test {
  net::HttpResponse send(net::HttpRequest request, OtlpHttpOptions options = {}) {
    net::HttpRouter router;
    add_otlp_http_routes(router, receiver, metrics, std::move(options));
    return router(request);
  }
  net::HttpResponse post(const std::string& type, const std::string& body, OtlpHttpOptions options = {}) {
    return send({.method = "POST", .path = "/v1/traces", .headers = {{"content-type", type}}, .body = body},
                std::move(options));
  }

  FakeReceiver receiver;
  base::Metrics metrics;
};

std::string header(const net::HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST_F(OtlpHttpTest, protobuf_goes_on_as_it_came_and_full_success_is_empty) {
  const auto response = post("application/x-protobuf", "bytes");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/x-protobuf");
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(receiver.requests, std::vector<std::string>{"bytes"});
}

TEST_F(OtlpHttpTest, json_is_transcoded_and_answered_in_json) {
  const auto response = post("Application/JSON; charset=utf-8",
                             R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"eee19b7ec3c1b174"}]}]}]})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, "{}");
  ASSERT_EQ(receiver.requests.size(), 1U);
  const auto decoded = wire::otlp::decode_request(receiver.requests[0]);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->spans[0].span_id.to_hex(), "eee19b7ec3c1b174");
}

TEST_F(OtlpHttpTest, rejected_spans_are_a_partial_success) {
  receiver.answer = ingest::Received{.accepted_spans = 1, .rejected_spans = 2, .message = "span id is all zeros"};
  const auto response = post("application/json", "{}");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"span id is all zeros"}})");
}

TEST_F(OtlpHttpTest, malformed_json_is_400_with_a_status) {
  const auto response = post("application/json", "{");
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(response.body.starts_with(R"({"code":3,"message":")")) << response.body;
  EXPECT_TRUE(receiver.requests.empty());
}

TEST_F(OtlpHttpTest, malformed_protobuf_is_400_with_a_protobuf_status) {
  receiver.answer = base::fail(Errc::Malformed, "bad");
  const auto response = post("application/x-protobuf", "x");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/x-protobuf");
  EXPECT_EQ(response.body,
            "\x08\x03\x12\x03"
            "bad");
  EXPECT_EQ(header(response, "Retry-After"), "");
}

TEST_F(OtlpHttpTest, too_large_is_413) {
  EXPECT_EQ(post("application/json", "{ }", {.limits = {.request_bytes_max = 2}}).status, 413);
  receiver.answer = base::fail(Errc::TooLarge, "x");
  EXPECT_EQ(post("application/x-protobuf", "").status, 413);
}

TEST_F(OtlpHttpTest, what_may_be_sent_again_says_when) {
  for (const auto& [code, status] :
       {std::pair(Errc::Overloaded, 429), {Errc::NoSpace, 503}, {Errc::Io, 503}, {Errc::Unavailable, 503}}) {
    receiver.answer = base::fail(code, "later");
    const auto response = post("application/json", "{}");
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(header(response, "Retry-After"), "1");
    EXPECT_NE(response.body.find(R"("retryDelay":"1s")"), std::string::npos) << response.body;
  }
}

TEST_F(OtlpHttpTest, json_is_not_even_decoded_for_a_receiver_that_takes_nothing) {
  receiver.ready = base::fail(Errc::Overloaded, "later");
  EXPECT_EQ(post("application/json", "no JSON").status, 429);
}

TEST_F(OtlpHttpTest, other_content_types_are_415) {
  const auto response = post("text/plain", "x");
  EXPECT_EQ(response.status, 415);
  EXPECT_NE(response.body.find("application/x-protobuf or application/json"), std::string::npos) << response.body;
}

TEST_F(OtlpHttpTest, other_methods_are_405) {
  const auto response = send({.method = "GET", .path = "/v1/traces"});
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header(response, "Allow"), "POST");
  EXPECT_EQ(send({.method = "OPTIONS", .path = "/v1/traces"}).status, 405) << "browsers are off by default";
}

TEST_F(OtlpHttpTest, metrics_and_logs_are_404_in_the_type_of_the_request) {
  const auto response =
      send({.method = "POST", .path = "/v1/logs", .headers = {{"content-type", "application/x-protobuf"}}});
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/x-protobuf");
  EXPECT_NE(response.body.find("only traces"), std::string::npos);
}

TEST_F(OtlpHttpTest, allowed_origins_get_cors_headers_and_others_none) {
  const OtlpHttpOptions options{.cors_origins = {"https://shop.example"}};
  const net::HttpRequest preflight{
      .method = "OPTIONS",
      .path = "/v1/traces",
      .headers = {{"origin", "https://shop.example"}, {"access-control-request-headers", "content-type,x-tenant"}}};
  const auto allowed = send(preflight, options);
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(header(allowed, "Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(header(allowed, "Access-Control-Allow-Headers"), "content-type,x-tenant");

  net::HttpRequest other{.method = "POST",
                         .path = "/v1/traces",
                         .headers = {{"content-type", "application/json"}, {"origin", "https://evil.example"}},
                         .body = "{}"};
  const auto refused = send(other, options);
  EXPECT_EQ(refused.status, 200) << "who is no browser is not asked";
  EXPECT_EQ(header(refused, "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(header(refused, "Vary"), "Origin");
  other.method = "OPTIONS";
  EXPECT_EQ(send(other, options).status, 403);
}

TEST_F(OtlpHttpTest, requests_and_refusals_are_counted) {
  receiver.answer = base::fail(Errc::Overloaded, "later");
  post("application/json", "{}");
  const std::string text = metrics.render();
  EXPECT_NE(text.find("backstitch_otlp_requests_total{"), std::string::npos) << text;
  EXPECT_NE(text.find("overloaded"), std::string::npos) << text;
}

struct OtlpHttpRefusalTest : testing::Test {
  net::HttpResponse refuse(const net::HttpRequest& head, int status, OtlpHttpOptions options = {}) {
    return make_otlp_http_refusal(metrics, std::move(options))(head, {status, "code", "why"});
  }
  base::Metrics metrics;
};

TEST_F(OtlpHttpRefusalTest, the_server_s_own_refusals_are_a_status_in_the_type_of_the_request) {
  const auto protobuf = refuse({.headers = {{"content-type", "application/x-protobuf"}}}, 413);
  EXPECT_EQ(protobuf.status, 413);
  EXPECT_EQ(protobuf.content_type, "application/x-protobuf");
  EXPECT_EQ(protobuf.body,
            "\x08\x08\x12\x03"
            "why");
  const auto json = refuse({.headers = {{"content-type", "application/json"}}}, 400);
  EXPECT_EQ(json.content_type, "application/json");
  EXPECT_EQ(json.body, R"({"code":3,"message":"why"})");
  EXPECT_EQ(refuse({}, 408).content_type, "application/json") << "a head that never came";
}

TEST_F(OtlpHttpRefusalTest, only_what_may_be_sent_again_has_a_retry_delay) {
  EXPECT_NE(refuse({}, 429).body.find(R"("retryDelay":"1s")"), std::string::npos);
  for (const int status : {400, 408, 411, 413, 415, 431, 500, 501, 505}) {
    EXPECT_EQ(refuse({}, status).body.find("retryDelay"), std::string::npos) << status;
  }
}

TEST_F(OtlpHttpRefusalTest, browsers_may_read_them_and_they_are_counted) {
  const net::HttpRequest head{.headers = {{"origin", "https://shop.example"}}};
  const auto response = refuse(head, 413, {.cors_origins = {"https://shop.example"}});
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(header(refuse(head, 413), "Access-Control-Allow-Origin"), "");
  const base::Labels labels{{"transport", "http"}, {"reason", std::string(base::to_string(Errc::TooLarge))}};
  EXPECT_EQ(metrics.counter("backstitch_otlp_refused", "", labels).value(), 2U);
}

struct OtlpGrpcTest : testing::Test {
  net::GrpcReply call(std::string_view method, std::string body = "") {
    return make_otlp_grpc_handler(receiver, metrics)(method, body);
  }
  FakeReceiver receiver;
  base::Metrics metrics;
};

TEST_F(OtlpGrpcTest, full_success_is_an_empty_message) {
  const auto reply = call(kExport, "bytes");
  EXPECT_EQ(reply.code, GrpcCode::Ok);
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(receiver.requests, std::vector<std::string>{"bytes"});
}

TEST_F(OtlpGrpcTest, rejected_spans_are_a_partial_success) {
  receiver.answer = ingest::Received{.accepted_spans = 0, .rejected_spans = 2, .message = "no id"};
  EXPECT_EQ(call(kExport).body, "\x0a\x09\x08\x02\x12\x05no id");
}

TEST_F(OtlpGrpcTest, each_refusal_has_its_code) {
  struct Case {
    Errc error;
    GrpcCode code;
    bool may_retry;
  };
  for (const Case& one :
       {Case{Errc::Malformed, GrpcCode::InvalidArgument, false},
        Case{Errc::TooLarge, GrpcCode::ResourceExhausted, false}, Case{Errc::Overloaded, GrpcCode::Unavailable, true},
        Case{Errc::NoSpace, GrpcCode::Unavailable, true}, Case{Errc::Unavailable, GrpcCode::Unavailable, true},
        Case{Errc::Io, GrpcCode::Unavailable, true}, Case{Errc::Corrupt, GrpcCode::Internal, false}}) {
    receiver.answer = base::fail(one.error, "why");
    const auto reply = call(kExport);
    EXPECT_EQ(reply.code, one.code) << base::to_string(one.error);
    EXPECT_EQ(reply.message, "why");
    EXPECT_EQ(reply.details.find("google.rpc.RetryInfo") != std::string::npos, one.may_retry);
  }
}

TEST_F(OtlpGrpcTest, other_services_are_unimplemented) {
  const auto reply = call("/opentelemetry.proto.collector.logs.v1.LogsService/Export");
  EXPECT_EQ(reply.code, GrpcCode::Unimplemented);
  EXPECT_NE(reply.message.find("only traces"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::api
