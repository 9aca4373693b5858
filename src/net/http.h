// HTTP requests and answers as values, without a library's types: what the skins in `api` are written against.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace backstitch::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // "/api/traces/…", percent-decoded segment by segment is the router's business: raw here
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order, repeats kept
  HttpHeaders headers;                                     // names in lower case
  std::string body;                                        // decompressed, dechunked, within the limit

  // The first value, or nothing.
  std::optional<std::string_view> parameter(std::string_view name) const;
  // `name` in lower case.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpHeaders headers;
  std::string body;
  // Instead of `body`: bytes that outlive every response (embedded assets).
  std::optional<std::string_view> static_body;
};

// Called on a server thread, several at once. Must not throw.
using HttpHandler = std::function<HttpResponse(HttpRequest&)>;

// Sends each request to the handler of the first pattern that fits; "{name}" stands for one segment, a
// trailing "*" for the rest (none included). HEAD is answered by GET's handler. 404 and 405 are JSON
// {"error":{"code":…,"message":…}} unless `not_found` is set.
class HttpRouter {
 public:
  // The segments that "{…}" stood for, percent-decoded, in order.
  using Captures = std::vector<std::string>;
  using Handler = std::function<HttpResponse(HttpRequest&, const Captures&)>;

  void add(std::string method, std::string pattern, Handler handler);
  HttpResponse operator()(HttpRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    bool open_ended = false;
    Handler handler;
  };
  std::vector<Route> routes_;
};

// "%2F" → "/"; "+" stays. A broken escape stays as it is.
std::string percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

// {"error":{"code":"not_found","message":"…"}}: the native API's shape for errors.
HttpResponse error_response(int status, std::string_view code, std::string_view message);

// gzip (RFC 1952), and zlib-wrapped deflate on the way in. TooLarge as soon as the output would pass `size_max`, with no more memory
// than that used; Malformed for anything else.
base::Result<std::string> gunzip(std::string_view compressed, size_t size_max);
std::string gzip(std::string_view bytes);

}  // namespace backstitch::net
