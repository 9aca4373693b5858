#include "api/assets/assets.h"

#include <gtest/gtest.h>

#include "net/gzip.h"

namespace backstitch::api {
namespace {

const std::string kPacked = net::gzip("<p>page");
const std::string kPackedScript = net::gzip("run()");
const Asset kAssets[] = {{"/index.html", "text/html; charset=utf-8", "aa11", kPacked, 7},
                         {"/assets/x-1.js", "text/javascript; charset=utf-8", "bb22", kPackedScript, 5}};

net::HttpResponse get(const std::string& path, net::HttpHeaders headers = {}) {
  net::HttpRouter router;
  add_asset_routes(router, kAssets);
  net::HttpRequest request{.method = "GET", .path = path, .headers = std::move(headers)};
  return router(request);
}

std::string header(const net::HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(Assets, the_pages_own_addresses_answer_the_page) {
  for (const char* path : {"/", "/index.html", "/search", "/trace/00f067aa0ba902b7"}) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.body, "<p>page") << path;
    EXPECT_NE(header(response, "Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  }
}

TEST(Assets, a_browser_gets_the_compressed_bytes) {
  const auto response = get("/assets/x-1.js", {{"accept-encoding", "br, gzip"}});
  ASSERT_TRUE(response.static_body);
  EXPECT_EQ(*response.static_body, kPackedScript);
  EXPECT_EQ(header(response, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(response, "ETag"), "\"bb22-gzip\"");
  EXPECT_NE(header(response, "Cache-Control").find("immutable"), std::string::npos);
}

TEST(Assets, what_a_client_has_is_not_sent_again) {
  EXPECT_EQ(get("/", {{"if-none-match", "\"aa11\""}}).status, 304);
  EXPECT_EQ(get("/", {{"if-none-match", "\"other\""}}).status, 200);
}

TEST(Assets, the_page_is_asked_for_again_each_time) { EXPECT_EQ(header(get("/"), "Cache-Control"), "no-cache"); }

TEST(Assets, an_unknown_path_is_not_found) { EXPECT_EQ(get("/assets/none.js").status, 404); }

TEST(Assets, the_build_embeds_a_page) {
  bool has_page = false;
  for (const Asset& asset : embedded_assets()) {
    const auto plain = net::gunzip(asset.gzip, asset.size_bytes);
    ASSERT_TRUE(plain) << asset.path;
    EXPECT_EQ(plain->size(), asset.size_bytes) << asset.path;
    has_page = has_page || asset.path == "/index.html";
  }
  EXPECT_TRUE(has_page);
}

}  // namespace
}  // namespace backstitch::api
