// A service that listens.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "lab/service/service.h"

namespace backstitch::lab {

class Server {
 public:
  // Stops and waits for what is being served, however long that takes.
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  // Takes no more requests, and waits for those that are being served. False: some were still there when `within` was
  // over; then the process is to end without destroying this.
  virtual bool stop(std::chrono::milliseconds within) = 0;
};

// Served once it returns. The error is a sentence: the port is taken.
using StartedServer = std::expected<std::unique_ptr<Server>, std::string>;

// HTTP/1.1. Any method on "/"; GET /healthz answers 200 without a trace.
StartedServer serve_http(std::shared_ptr<const Service> service);
// gRPC: the method of lab/service/grpc_method.h.
StartedServer serve_grpc(std::shared_ptr<const Service> service);

}  // namespace backstitch::lab
