// A node for tests: readers behind a real HTTP server on loopback.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>

#include "base/counters.h"
#include "net/http_server.h"
#include "store/remote/peer_routes.h"
#include "store/remote/remote_peers.h"

namespace backstitch::store {

class NodeUnderTest {
 public:
  explicit NodeUnderTest(TraceReader& local) {
    add_peer_routes(router_, local);
    serve([this](net::HttpRequest& request) { return router_(request); });
  }
  // Answers whatever `handler` does.
  explicit NodeUnderTest(net::HttpHandler handler) { serve(std::move(handler)); }

  PeerAddress address(std::string name = "node:4317") const {
    return {.name = std::move(name), .query = {"127.0.0.1", server_->port()}};
  }
  void stop() { server_.reset(); }

 private:
  void serve(net::HttpHandler handler) {
    auto server = net::HttpServer::start({.threads = 4}, std::move(handler), metrics_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  base::Metrics metrics_;
  net::HttpRouter router_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace backstitch::store
