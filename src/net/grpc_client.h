// Unary gRPC calls with raw message bytes; for `gen` and tests.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "net/grpc_server.h"

namespace backstitch::net {

struct GrpcClientOptions {
  std::string address;  // host:port
  bool gzip = false;
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
};

// Thread-safe.
class GrpcClient {
 public:
  static std::unique_ptr<GrpcClient> create(GrpcClientOptions options);
  virtual ~GrpcClient() = default;
  // Blocks. A server that cannot be reached answers GrpcCode::Unavailable, as the library reports it.
  virtual GrpcReply call(const std::string& method, std::string_view body) = 0;
};

}  // namespace backstitch::net
