// HTTP requests and answers as values, without a library's types: what the skins in `api` are written
// against.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/gzip.h"

namespace backstitch::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // "/api/traces/…", percent-decoded segment by segment is the router's business: raw here
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order, repeats kept
  HttpHeaders headers;                                     // names in lower case
  std::string body;                                        // decompressed, dechunked, within the limit
  // Set by the server: begins to watch the connection.
  std::function<std::stop_token()> watch_peer = {};

  // Stopped once nobody waits for the answer any more. For handlers that may take long: the first call costs some
  // system calls. Valid until the handler returns.
  std::stop_token peer_gone() const { return watch_peer ? watch_peer() : std::stop_token(); }
  // The first value, or nothing.
  std::optional<std::string_view> parameter(std::string_view name) const;
  // `name` in lower case.
  std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  HttpHeaders headers = {};
  std::string body = {};
  // Instead of `body`: bytes that outlive every response (embedded assets).
  std::optional<std::string_view> static_body = {};
};

// Called on a server thread, several at once. Must not throw.
using HttpHandler = std::function<HttpResponse(HttpRequest&)>;

// Why a request is not answered by its handler.
struct HttpRefusal {
  int status = 0;
  std::string code = {};     // "malformed", "too_large", …: for the answer and the counter
  std::string message = {};  // a sentence for people
};

// Puts a refusal in the words of the protocol that is spoken on a server. Of `head` there is as much as has come: maybe
// nothing. Called as a handler is. The server sees to the status and to Retry-After.
using HttpRefusalWriter = std::function<HttpResponse(const HttpRequest& head, const HttpRefusal& why)>;

// Sends each request to the handler of the first pattern that fits; "{name}" stands for one segment, a
// trailing "*" for the rest (none included). Segments are compared after percent-decoding. HEAD is answered
// by GET's handler. 404 and 405 are JSON {"error":{"code":…,"message":…}}; set_not_found() replaces the 404.
class HttpRouter {
 public:
  // The segments that "{…}" stood for, percent-decoded, in order.
  using Captures = std::vector<std::string>;
  using Handler = std::function<HttpResponse(HttpRequest&, const Captures&)>;

  // `pattern` begins with "/" (asserted). Routes are tried in the order in which they were added.
  void add(std::string method, std::string pattern, Handler handler);
  void set_not_found(HttpHandler handler) { not_found_ = std::move(handler); }
  HttpResponse operator()(HttpRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    bool open_ended = false;
    Handler handler;
  };
  std::vector<Route> routes_;
  HttpHandler not_found_;
};

// "%2F" → "/"; "+" stays. A broken escape stays as it is.
std::string percent_decode(std::string_view text);
// Everything but RFC 3986's unreserved characters (letters, digits, "-._~") becomes "%XX".
std::string percent_encode(std::string_view text);
// "a=1&b=x%20y&a=2" → {a,1} {b,x y} {a,2}; "+" is a space here, as forms and browsers write it. A part
// without
// "=" has an empty value; empty parts are skipped.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text);

// ASCII, as header names are.
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

// {"error":{"code":"not_found","message":"…"}}: the native API's shape for errors.
HttpResponse error_response(int status, std::string_view code, std::string_view message);

}  // namespace backstitch::net
