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

// HTTP/1.1: any method on "/"; GET /healthz answers 200 without a trace. The status is that of the code, the body
// Service::body(), and the header x-lab-code has the exact code.
StartedServer serve_http(std::shared_ptr<const Service> service);
// gRPC: the method of lab/service/grpc_method.h. A success has the same body as its message; a failure has status,
// message and the trailer x-lab-code.
StartedServer serve_grpc(std::shared_ptr<const Service> service);

}  // namespace backstitch::lab
