// One HTTP/1.1 connection to one server, kept alive between calls; for the command line, `gen` and tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace backstitch::net {

struct HttpUrl {
  std::string host;
  uint16_t port = 80;
  std::string target = "/";
};
// "http://host:port/path". InvalidArgument with a sentence for anything else; https is Unsupported for now.
base::Result<HttpUrl> parse_url(std::string_view url);

struct HttpReply {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  std::string body;     // decompressed
};

// One call at a time.
class HttpClient {
 public:
  // Does not connect yet.
  static std::unique_ptr<HttpClient> create(std::string host, uint16_t port,
                                            std::chrono::nanoseconds timeout = std::chrono::seconds(30));
  virtual ~HttpClient() = default;
  // Connects when needed; tries once more when a kept connection turns out closed. Unavailable if nobody
  // listens, Timeout, Malformed.
  virtual base::Result<HttpReply> call(const std::string& method, const std::string& target,
                                       const HttpHeaders& headers = {}, std::string_view body = {}) = 0;
};

}  // namespace backstitch::net
