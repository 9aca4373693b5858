#include "net/http_write.h"

#include <gtest/gtest.h>

namespace backstitch::net {
namespace {

HttpResponse response_of(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

TEST(HttpWire, the_head_has_type_length_and_connection) {
  HttpResponse response = response_of("{}");
  response.headers = {{"X-One", "1"}};
  const HttpWire wire = to_wire(response, {});
  EXPECT_EQ(wire.head,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-One: 1\r\n"
            "Connection: keep-alive\r\n\r\n");
  EXPECT_EQ(wire.body, "{}");
}

TEST(HttpWire, head_says_the_length_and_sends_no_body) {
  HttpResponse response = response_of("hello");
  const HttpWire wire = to_wire(response, {.keep_alive = false, .head_only = true});
  EXPECT_NE(wire.head.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_NE(wire.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(wire.body, "");
}

TEST(HttpWire, no_content_has_neither_body_nor_length) {
  for (const int status : {204, 304}) {
    HttpResponse response = response_of("ignored");
    response.status = status;
    const HttpWire wire = to_wire(response, {});
    EXPECT_EQ(wire.head.find("Content-Length"), std::string::npos);
    EXPECT_EQ(wire.body, "");
  }
}

TEST(HttpWire, large_answers_go_compressed_to_those_who_take_it) {
  const std::string text(5000, 'x');
  HttpResponse response = response_of(text);
  const HttpWire wire = to_wire(response, {.accepts_gzip = true});
  EXPECT_NE(wire.head.find("Content-Encoding: gzip\r\n"), std::string::npos);
  EXPECT_NE(wire.head.find("Vary: Accept-Encoding\r\n"), std::string::npos);
  EXPECT_EQ(*gunzip(wire.body, text.size()), text);
}

TEST(HttpWire, small_encoded_or_incompressible_answers_go_as_they_are) {
  HttpResponse small = response_of("x");
  HttpResponse encoded = response_of(std::string(5000, 'x'));
  encoded.headers = {{"content-encoding", "br"}};
  HttpResponse picture = response_of(std::string(5000, 'x'));
  picture.content_type = "image/png";
  for (HttpResponse* response : {&small, &encoded, &picture}) {
    const size_t size = response->body.size();
    const HttpWire wire = to_wire(*response, {.accepts_gzip = true});
    EXPECT_EQ(wire.head.find("Content-Encoding: gzip"), std::string::npos);
    EXPECT_EQ(wire.body.size(), size);
  }
}

TEST(HttpWire, static_bodies_are_sent_in_place) {
  static constexpr std::string_view kAsset = "asset";
  HttpResponse response;
  response.static_body = kAsset;
  EXPECT_EQ(to_wire(response, {}).body.data(), kAsset.data());
}

TEST(HttpWire, headers_cannot_break_the_framing) {
  HttpResponse response = response_of("x");
  response.headers = {{"X-Bad", "a\r\nX-Injected: 1"},  {"X Bad", "1"},    {"Content-Length", "99"}, {"", "1"},
                      {"transfer-encoding", "chunked"}, {"X-Bad\r\n", "1"}};
  const std::string head = to_wire(response, {}).head;
  EXPECT_EQ(head.find("Injected"), std::string::npos);
  EXPECT_EQ(head.find("Bad"), std::string::npos);
  EXPECT_EQ(head.find("99"), std::string::npos);
  EXPECT_EQ(head.find("chunked"), std::string::npos);
}

TEST(AcceptEncoding, gzip_is_taken_when_named_or_starred_with_a_quality) {
  for (const char* yes : {"gzip", "deflate, gzip", "GZIP;q=0.5", "*", "br;q=1.0, gzip;q=0.8, *;q=0.1", "x-gzip"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "gzip;q=0", "*, gzip;q=0.0", "*;q=0", "br", "gzipped"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

}  // namespace
}  // namespace backstitch::net
