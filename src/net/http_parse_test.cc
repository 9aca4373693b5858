#include "net/http_parse.h"

#include <gtest/gtest.h>

#include "net/gzip_bomb.h"

namespace backstitch::net {
namespace {

using State = HttpRequestParser::State;

// The status that `bytes` are refused with; 0 if they are not.
int refusal_status(std::string_view bytes, HttpParseLimits limits = {}) {
  HttpRequestParser parser(limits);
  parser.feed(bytes);
  return parser.state() == State::Refused ? parser.refusal().status : 0;
}

std::string post(std::string_view headers, std::string_view body) {
  return "POST /x HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string sized(std::string_view headers, std::string_view body) {
  return post(std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

TEST(HttpHead, target_query_and_headers_are_taken_apart) {
  const auto request = parse_http_head("GET /a%2Fb?x=1&y=a+b HTTP/1.1\r\nHost: h\r\nX-Up: Value \r\n\r\n");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->path, "/a%2Fb");
  EXPECT_EQ(request->query, (std::vector<std::pair<std::string, std::string>>{{"x", "1"}, {"y", "a b"}}));
  EXPECT_EQ(request->header("x-up"), "Value");
}

TEST(HttpHead, an_absolute_target_is_its_path) {
  EXPECT_EQ(parse_http_head("GET http://h:80/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n")->path, "/p");
  EXPECT_EQ(parse_http_head("GET http://h?q=1 HTTP/1.1\r\nHost: h\r\n\r\n")->path, "/");
}

TEST(HttpHead, every_truncation_is_incomplete_and_nothing_else) {
  const std::string head = "GET /api/traces?limit=20 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nX: y\r\n\r\n";
  for (size_t size = 0; size < head.size(); ++size) {
    HttpRequestParser parser({});
    parser.feed(std::string_view(head).substr(0, size));
    EXPECT_EQ(parser.state(), size == 0 ? State::Empty : State::Head) << size;
    parser.feed(std::string_view(head).substr(size));
    EXPECT_EQ(parser.state(), State::Done) << size;
    EXPECT_EQ(parser.request().path, "/api/traces") << size;
  }
}

TEST(HttpHead, what_is_no_request_is_400) {
  for (const char* bytes :
       {"hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET nopath HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nbroken\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01\x02 TLS hello\r\n\r\n"}) {
    EXPECT_EQ(refusal_status(bytes), 400) << bytes;
  }
}

TEST(HttpHead, other_versions_are_505) {
  EXPECT_EQ(refusal_status("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refusal_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
}

TEST(HttpHead, beyond_the_limit_is_431_whether_it_ends_or_not) {
  const std::string large = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x');
  EXPECT_EQ(refusal_status(large + "\r\n\r\n", {.header_bytes_max = 1000}), 431);
  EXPECT_EQ(refusal_status(large, {.header_bytes_max = 1000}), 431);
  EXPECT_EQ(refusal_status(large + "\r\n\r\n", {.header_bytes_max = 3000}), 0);
}

TEST(HttpHead, ambiguous_framing_is_refused) {
  EXPECT_EQ(refusal_status(post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "x")), 400);
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "x")), 400);
  EXPECT_EQ(refusal_status(post("Content-Length: 1\r\nContent-Length: 2\r\n", "x")), 400);
  EXPECT_EQ(refusal_status(post("Content-Length: -1\r\n", "x")), 400);
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: gzip\r\n", "x")), 501);
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(refusal_status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

TEST(HttpHead, a_body_without_a_length_is_411) {
  EXPECT_EQ(refusal_status(post("Content-Type: application/json\r\n", "")), 411);
  EXPECT_EQ(refusal_status(post("", "")), 0);  // curl -X POST: no body at all
}

TEST(HttpHead, other_expectations_are_417) { EXPECT_EQ(refusal_status(post("Expect: miracles\r\n", "")), 417); }

TEST(HttpHead, unknown_encodings_are_415) {
  EXPECT_EQ(refusal_status(sized("Content-Encoding: br\r\n", "x")), 415);
  EXPECT_EQ(refusal_status(sized("Content-Encoding: gzip, gzip\r\n", "x")), 415);
}

TEST(HttpBody, continue_is_wanted_until_the_body_begins) {
  HttpRequestParser parser({});
  parser.feed(post("Expect: 100-continue\r\nContent-Length: 4\r\n", ""));
  EXPECT_EQ(parser.state(), State::Body);
  EXPECT_TRUE(parser.wants_continue());
  parser.feed("bo");
  EXPECT_FALSE(parser.wants_continue());
  parser.feed("dy");
  EXPECT_EQ(parser.state(), State::Done);
  EXPECT_EQ(parser.request().body, "body");
}

TEST(HttpBody, announced_beyond_the_limit_is_413_before_it_comes) {
  EXPECT_EQ(refusal_status(post("Content-Length: 11\r\n", ""), {.body_bytes_max = 10}), 413);
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: chunked\r\n", "b\r\n"), {.body_bytes_max = 10}), 413);
  EXPECT_EQ(refusal_status(sized("", "0123456789"), {.body_bytes_max = 10}), 0);
}

TEST(HttpBody, chunks_cut_anywhere_give_the_same_body) {
  const std::string bytes =
      post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: t\r\n\r\n");
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    HttpRequestParser parser({});
    parser.feed(std::string_view(bytes).substr(0, cut));
    parser.feed(std::string_view(bytes).substr(cut));
    ASSERT_EQ(parser.state(), State::Done) << cut;
    EXPECT_EQ(parser.request().body, "hello world") << cut;
    EXPECT_EQ(parser.request().header("trailer"), std::nullopt) << cut;
  }
}

TEST(HttpBody, chunks_byte_by_byte_give_the_same_body) {
  for (const char* body : {"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n"}) {
    HttpRequestParser parser({});
    for (const char byte : post("Transfer-Encoding: chunked\r\n", body)) parser.feed(std::string_view(&byte, 1));
    ASSERT_EQ(parser.state(), State::Done) << body;
    EXPECT_EQ(parser.request().body, body[0] == '0' ? "" : "abc");
  }
}

TEST(HttpBody, broken_chunks_are_400) {
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: chunked\r\n", "zz\r\n")), 400);
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: chunked\r\n", "3\r\nabcde\r\n")), 400);
}

TEST(HttpBody, an_endless_line_before_a_chunk_is_refused) {
  EXPECT_EQ(refusal_status(post("Transfer-Encoding: chunked\r\n", "1;" + std::string(40'000, 'x'))), 431);
}

TEST(HttpBody, compressed_bodies_arrive_inflated) {
  const std::string text(10'000, 't');
  for (const char* coding : {"gzip", "x-gzip", "GZIP"}) {
    HttpRequestParser parser({});
    parser.feed(sized("Content-Encoding: " + std::string(coding) + "\r\n", gzip(text)));
    ASSERT_EQ(parser.state(), State::Done) << coding;
    EXPECT_EQ(parser.request().body, text);
  }
}

TEST(HttpBody, broken_or_cut_compression_is_400) {
  EXPECT_EQ(refusal_status(sized("Content-Encoding: gzip\r\n", "not gzip")), 400);
  EXPECT_EQ(refusal_status(sized("Content-Encoding: gzip\r\n", gzip("some text").substr(0, 12))), 400);
}

TEST(HttpBody, a_bomb_is_413_and_memory_stays_flat) {
  const std::string bomb = gzip_bomb(64 * 1024);  // 64 GiB
  const size_t before = resident_bytes_peak();
  EXPECT_EQ(refusal_status(sized("Content-Encoding: gzip\r\n", bomb.substr(0, 64 << 10)), {.body_bytes_max = 16 << 20}),
            413);
  EXPECT_LT(resident_bytes_peak(), before + (200 << 20));
}

TEST(HttpBody, a_shared_budget_is_refused_beyond_and_given_back) {
  ByteBudget budget(100);
  HttpRequestParser first({}, &budget);
  HttpRequestParser second({}, &budget);
  first.feed(sized("", std::string(80, 'x')));
  EXPECT_EQ(first.state(), State::Done);
  EXPECT_EQ(budget.taken(), 80u);
  second.feed(sized("", std::string(30, 'x')));
  ASSERT_EQ(second.state(), State::Refused);
  EXPECT_EQ(second.refusal().status, 429);
  EXPECT_EQ(to_response(second.refusal()).headers, (HttpHeaders{{"Retry-After", "1"}}));
  first.next();
  EXPECT_EQ(budget.taken(), 0u);
}

TEST(HttpPipelining, requests_in_one_piece_come_one_by_one) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += sized("X-Number: " + std::to_string(i) + "\r\n", "body " + std::to_string(i));
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}, bytes.size()}) {
    HttpRequestParser parser({});
    int seen = 0;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      parser.feed(std::string_view(bytes).substr(at, piece));
      while (parser.state() == State::Done) {
        EXPECT_EQ(parser.request().body, "body " + std::to_string(seen++));
        parser.next();
      }
    }
    EXPECT_EQ(seen, 100);
    EXPECT_EQ(parser.state(), State::Empty);
  }
}

TEST(HttpPipelining, empty_lines_between_requests_are_ignored) {
  HttpRequestParser parser({});
  parser.feed("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(parser.state(), State::Done);
  parser.next();
  ASSERT_EQ(parser.state(), State::Done);
  EXPECT_EQ(parser.request().path, "/2");
}

TEST(HttpKeepAlive, follows_version_and_header) {
  const auto kept = [](std::string_view bytes) {
    HttpRequestParser parser({});
    parser.feed(bytes);
    return parser.keep_alive();
  };
  EXPECT_TRUE(kept("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace backstitch::net
