// A gRPC server that hands over raw message bytes: grpc++'s async generic service, one completion queue a
// thread, the handler run inline on it. No generated code: what the bytes mean is the caller's business.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/result.h"

namespace backstitch::net {

// https://grpc.io/docs/guides/status-codes/
enum class GrpcCode {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

struct GrpcReply {
  GrpcCode code = GrpcCode::Ok;
  std::string message = {};  // for people; with a code other than Ok
  std::string details;       // serialized google.rpc.Status for the "grpc-status-details-bin" trailer; may be empty
  std::string body = {};     // the response message; empty is a valid message
};

// `method` is "/package.Service/Method". `body` is one contiguous buffer, reused between calls of one thread:
// it may be written to, and is valid during the call only. Runs on a server thread, several at once. Must not
// throw.
using GrpcHandler = std::function<GrpcReply(std::string_view method, std::string& body)>;

struct GrpcServerOptions {
  std::string address = "127.0.0.1:0";
  unsigned threads = 2;
  size_t message_bytes_max = 64 << 20;  // compressed and decompressed; RESOURCE_EXHAUSTED beyond
  size_t memory_bytes_max = 256 << 20;  // of the library's own buffers (a resource quota)
  // From a call's arrival to the end of its message; CANCELLED beyond.
  std::chrono::nanoseconds message_timeout = std::chrono::seconds(30);
  // Called with the value of this metadata (lower case) of each call that has it, before the handler, on its thread.
  std::string noticed_metadata = {};
  std::function<void(std::string_view value)> on_metadata = {};
};

// Messages may come compressed (gzip, deflate); answers go uncompressed. The library's own decompression is
// off, since it has no bound on what comes out. Its SO_REUSEPORT is off too, so that a second process on the
// same port fails instead of taking half of the calls.
//
// Counters: backstitch_grpc_requests{code}, backstitch_grpc_refused{reason}.
class GrpcServer {
 public:
  // AlreadyExists with a sentence if the port is taken; InvalidArgument for an address that is none.
  static base::Result<std::unique_ptr<GrpcServer>> start(GrpcServerOptions options, GrpcHandler handler,
                                                         base::Metrics& metrics);
  virtual ~GrpcServer() = default;
  virtual uint16_t port() const = 0;
  virtual std::string address() const = 0;
  // Accepts no more calls, lets those in progress finish for at most `wait`, then closes. Idempotent.
  virtual void drain(std::chrono::nanoseconds wait) = 0;
};

}  // namespace backstitch::net
