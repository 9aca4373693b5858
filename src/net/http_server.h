// An HTTP/1.1 server: keep-alive, pipelining, chunked bodies, gzip both ways, and limits against clients that
// are slow, greedy or broken.
//
//   auto server = HttpServer::start({.address = "127.0.0.1:0"}, router, metrics);
//   … server->port() …
//   server->drain(5s);
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/result.h"
#include "net/http.h"

namespace backstitch::net {

struct HttpServerOptions {
  std::string name = "query";               // label in metrics
  std::string address = "127.0.0.1:0";      // host:port; "[::1]:0"; port 0 picks one
  unsigned threads = 2;                     // handlers run on them
  size_t header_bytes_max = 32 * 1024;      // 431 beyond
  size_t body_bytes_max = 64 << 20;         // after decompression; 413 beyond
  size_t connections_max = 1024;            // further ones are closed at once, counted
  size_t body_bytes_total_max = 256 << 20;  // buffered over all connections; 429 + Retry-After beyond
  std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);  // from the first byte to the last of a head
  std::chrono::nanoseconds body_timeout = std::chrono::seconds(30);    // 408 beyond
  std::chrono::nanoseconds write_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(75);
  size_t gzip_bytes_min = 1024;    // smaller answers go uncompressed
  HttpRefusalWriter refusal = {};  // where it is empty: error_response()
};

// Counters: backstitch_http_requests{server,status}, backstitch_http_refused{server,reason}.
class HttpServer {
 public:
  // AlreadyExists with a sentence if the port is taken; InvalidArgument for an address that is none.
  static base::Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler handler,
                                                         base::Metrics& metrics);
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  // Host and port, as bound: "127.0.0.1:4318".
  virtual std::string address() const = 0;
  // Accepts no more, lets requests in progress finish for at most `wait`, then closes. Idempotent.
  virtual void drain(std::chrono::nanoseconds wait) = 0;
};

}  // namespace backstitch::net
