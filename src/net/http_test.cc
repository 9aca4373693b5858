#include "net/http.h"

#include <gtest/gtest.h>

namespace backstitch::net {
namespace {

HttpRequest request_for(std::string method, std::string path) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

HttpResponse text(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

class HttpRouterTest : public testing::Test {
 protected:
  HttpRouterTest() {
    router_.add("GET", "/api/traces/{id}",
                [](HttpRequest&, const auto& captures) { return text("trace " + captures[0]); });
    router_.add("POST", "/api/traces/{id}", [](HttpRequest&, const auto&) { return text("posted"); });
    router_.add("GET", "/a/{x}/b/{y}",
                [](HttpRequest&, const auto& captures) { return text(captures[0] + "|" + captures[1]); });
    router_.add("GET", "/assets/*", [](HttpRequest& request, const auto&) { return text("asset " + request.path); });
    router_.add("GET", "/", [](HttpRequest&, const auto&) { return text("root"); });
  }
  HttpResponse get(const std::string& path) {
    HttpRequest request = request_for("GET", path);
    return router_(request);
  }
  HttpRouter router_;
};

TEST_F(HttpRouterTest, captures_are_decoded_and_in_order) {
  EXPECT_EQ(get("/api/traces/abc").body, "trace abc");
  EXPECT_EQ(get("/a/1%2F2/b/x%20y").body, "1/2|x y");
}

TEST_F(HttpRouterTest, an_empty_segment_is_no_capture) { EXPECT_EQ(get("/api/traces/").status, 404); }

TEST_F(HttpRouterTest, a_trailing_star_takes_any_rest_and_none) {
  EXPECT_EQ(get("/assets").body, "asset /assets");
  EXPECT_EQ(get("/assets/").body, "asset /assets/");
  EXPECT_EQ(get("/assets/a/b.js").body, "asset /assets/a/b.js");
  EXPECT_EQ(get("/assetsx").status, 404);
}

TEST_F(HttpRouterTest, root_is_only_root) {
  EXPECT_EQ(get("/").body, "root");
  EXPECT_EQ(get("//").status, 404);
}

TEST_F(HttpRouterTest, head_is_answered_by_get) {
  HttpRequest request = request_for("HEAD", "/api/traces/abc");
  EXPECT_EQ(router_(request).body, "trace abc");
}

TEST_F(HttpRouterTest, a_known_path_with_another_method_is_405_and_names_the_methods) {
  HttpRequest request = request_for("DELETE", "/api/traces/abc");
  const HttpResponse response = router_(request);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers, (HttpHeaders{{"Allow", "GET, POST"}}));
}

TEST_F(HttpRouterTest, an_unknown_path_is_a_json_404) {
  EXPECT_EQ(get("/nope").body, R"({"error":{"code":"not_found","message":"nothing is at /nope"}})");
}

TEST_F(HttpRouterTest, not_found_can_be_replaced) {
  router_.set_not_found([](HttpRequest&) { return text("mine"); });
  EXPECT_EQ(get("/nope").body, "mine");
}

TEST_F(HttpRouterTest, the_first_route_that_fits_wins) {
  router_.add("GET", "/*", [](HttpRequest&, const auto&) { return text("rest"); });
  EXPECT_EQ(get("/api/traces/abc").body, "trace abc");
  EXPECT_EQ(get("/anything/else").body, "rest");
}

TEST(PercentCoding, decodes_escapes_and_leaves_broken_ones) {
  EXPECT_EQ(percent_decode("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decode("1+1"), "1+1");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%2"), "%2");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentCoding, every_byte_round_trips) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a b/ü"), "a%20b%2F%C3%BC");
}

TEST(QueryParsing, keeps_order_repeats_and_empty_values) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(parse_query("a=1&b=x%20y&a=2"), (Pairs{{"a", "1"}, {"b", "x y"}, {"a", "2"}}));
  EXPECT_EQ(parse_query("q=a+b%2B"), (Pairs{{"q", "a b+"}}));
  EXPECT_EQ(parse_query("flag&=v&x="), (Pairs{{"flag", ""}, {"", "v"}, {"x", ""}}));
  EXPECT_EQ(parse_query("a=b=c&&"), (Pairs{{"a", "b=c"}}));
  EXPECT_EQ(parse_query(""), Pairs{});
}

TEST(HttpRequestAccess, the_first_value_is_found) {
  HttpRequest request;
  request.query = {{"a", "1"}, {"a", "2"}};
  request.headers = {{"x-one", "yes"}};
  EXPECT_EQ(request.parameter("a"), "1");
  EXPECT_EQ(request.parameter("b"), std::nullopt);
  EXPECT_EQ(request.header("x-one"), "yes");
  EXPECT_EQ(request.header("X-One"), std::nullopt);
}

TEST(ErrorResponse, quotes_what_clients_sent) {
  EXPECT_EQ(error_response(400, "malformed", "a \"b\"\n\\").body,
            R"({"error":{"code":"malformed","message":"a \"b\"\n\\"}})");
}

TEST(ErrorResponse, keeps_utf8_and_replaces_what_is_none) {
  EXPECT_EQ(error_response(400, "x", "ü…😀").body, R"({"error":{"code":"x","message":"ü…😀"}})");
  EXPECT_EQ(error_response(400, "x", "\xc0\xaf").body, R"({"error":{"code":"x","message":"��"}})");
}

}  // namespace
}  // namespace backstitch::net
