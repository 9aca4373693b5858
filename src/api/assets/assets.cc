#include "api/assets/assets.h"

#include <fmt/format.h>

#include "net/gzip.h"

namespace backstitch::api {
namespace {

constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool takes_gzip(const net::HttpRequest& request) {
  const auto accepted = request.header("accept-encoding");
  return accepted && accepted->find("gzip") != std::string_view::npos;
}

// "If-None-Match: "a", "b"" or "*" (RFC 9110, 13.1.2).
bool has_current(const net::HttpRequest& request, std::string_view etag) {
  const auto known = request.header("if-none-match");
  return known && (*known == "*" || known->find(etag) != std::string_view::npos);
}

net::HttpResponse answer(const net::HttpRequest& request, const Asset& asset) {
  const bool is_packed = takes_gzip(request);
  const std::string etag = fmt::format("\"{}{}\"", asset.digest, is_packed ? "-gzip" : "");
  // Built assets carry a hash in their names; the page itself does not.
  const bool is_page = asset.path == "/index.html";
  net::HttpResponse response;
  response.content_type = asset.content_type;
  response.headers = {{"ETag", etag},
                      {"Vary", "Accept-Encoding"},
                      {"Cache-Control", is_page ? "no-cache" : "public, max-age=31536000, immutable"},
                      {"Content-Security-Policy", std::string(kContentPolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}};
  if (has_current(request, etag)) {
    response.status = 304;
    return response;
  }
  if (is_packed) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.static_body = asset.gzip;
    return response;
  }
  auto plain = net::gunzip(asset.gzip, asset.size_bytes);
  if (!plain) return net::error_response(500, to_string(plain.error().code), plain.error().message);
  response.body = std::move(*plain);
  return response;
}

}  // namespace

void add_asset_routes(net::HttpRouter& router, std::span<const Asset> assets) {
  for (const Asset& asset : assets) {
    const auto handler = [&asset](net::HttpRequest& request, const net::HttpRouter::Captures&) {
      return answer(request, asset);
    };
    router.add("GET", std::string(asset.path), handler);
    if (asset.path != "/index.html") continue;
    for (const char* page : {"/", "/search", "/errors", "/policies", "/trace/*"}) router.add("GET", page, handler);
  }
}

}  // namespace backstitch::api
