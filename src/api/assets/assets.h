// The web UI, built into the program: compressed once at build time, served with strong ETags under a policy that
// lets the page load nothing from anywhere else.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "net/http.h"

namespace backstitch::api {

struct Asset {
  std::string_view path;  // "/index.html"
  std::string_view content_type;
  std::string_view digest;  // hex; of the content
  std::string_view gzip;    // the content, compressed
  size_t size_bytes = 0;    // of the content
};

// What the build embedded; index.html is always among them. Made by tools/embed-assets.
std::span<const Asset> embedded_assets();

// "/", and the page's own addresses "/search" and "/trace/…", answer index.html; every other asset answers under
// its path. `assets` outlives the router.
void add_asset_routes(net::HttpRouter& router, std::span<const Asset> assets);

}  // namespace backstitch::api
