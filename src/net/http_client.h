// The other side of HTTP/1.1: one connection to one server, kept alive between calls, for the command line, `gen` and
// tests; and one question to many servers at the same time, for nodes that ask each other.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address.h"
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
  // From any thread: the call under way, and every one to come, ends at once as Unavailable. Only a name that is being
  // looked up is waited for.
  virtual void stop() = 0;
};

struct HttpCall {
  Address server;
  std::string method;
  std::string target;
  HttpHeaders headers;
  std::string_view body;  // borrowed
};

struct HttpFanoutOptions {
  std::chrono::nanoseconds timeout = std::chrono::seconds(2);  // of each call, connecting included
  size_t reply_bytes_max = 256 << 20;                          // of each answer; TooLarge beyond
};

// Calls many servers at once, each over a connection of its own that is kept for the next time. One call at a time; no
// threads: who calls does the work of all.
class HttpFanout {
 public:
  static std::unique_ptr<HttpFanout> create(HttpFanoutOptions options);
  virtual ~HttpFanout() = default;
  // Beside the calls, whose servers differ. Returns when each has its answer or its time is over; errors are those of
  // HttpClient. Connections to servers that are not called this time are closed. A server's name is looked up before
  // anything is sent, and that blocks.
  // `on_reply` is called with the index of each call when it is done, however it ended.
  virtual std::vector<base::Result<HttpReply>> call(std::span<const HttpCall> calls,
                                                    const std::function<void(size_t)>& on_reply = {}) = 0;
};

}  // namespace backstitch::net
