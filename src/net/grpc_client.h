// Unary gRPC calls with raw message bytes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/grpc_server.h"

namespace backstitch::net {

struct GrpcClientOptions {
  std::string address;  // host:port
  bool gzip = false;
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
  // Between two attempts to connect; the library's own goes up to two minutes.
  std::chrono::milliseconds reconnect_max = std::chrono::seconds(5);
};

// Names in lower case.
using GrpcMetadata = std::vector<std::pair<std::string, std::string>>;

// A call under way. One thread at a time.
class GrpcCall {
 public:
  // Cancels it where wait() was not called.
  virtual ~GrpcCall() = default;
  // Blocks until it has ended, by itself or by the client's timeout. Once.
  virtual GrpcReply wait() = 0;
};

// Thread-safe. Outlives its calls.
class GrpcClient {
 public:
  static std::unique_ptr<GrpcClient> create(GrpcClientOptions options);
  virtual ~GrpcClient() = default;
  // Blocks. A server that cannot be reached answers GrpcCode::Unavailable, as the library reports it.
  virtual GrpcReply call(const std::string& method, std::string_view body) = 0;
  // Sends without waiting, so that several servers work at the same time. `body` is shared with the library, which may
  // look at it for a while after the call has ended, and not copied.
  virtual std::unique_ptr<GrpcCall> start(const std::string& method, std::shared_ptr<const std::string> body,
                                          const GrpcMetadata& metadata) = 0;
  // From any thread: the calls under way, and every one to come, end at once, most as GrpcCode::Cancelled.
  virtual void stop() = 0;
};

}  // namespace backstitch::net
