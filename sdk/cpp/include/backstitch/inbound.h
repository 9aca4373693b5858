// One request that a service answers: its server span, its deadline, and the calls that it makes meanwhile, which
// become the error tree of its answer.
//
//   InboundRequest request(middleware, listener, fields(headers), {"GET /cart/{id}"});
//   {
//     const Scope scope(request.context());
//     …                                            // calls made here, or under bind(), are its children
//   }
//   const ErrorTreeHeader header = request.finish(ErrorCode::from_http(status));
//   if (header) answer.set(header.name, header.value);
//   …                                              // the answer is written
//   request.end(/*is_delivered=*/true);
//
// For one thread at a time. Instrumentations of HTTP and gRPC libraries are made of it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "backstitch/middleware.h"
#include "backstitch/propagator.h"

namespace backstitch::sdk {

struct InboundOptions {
  // The span's name and the tree's operation: low in cardinality, "GET /cart/{id}".
  std::string_view operation;
  Protocol protocol = Protocol::Http;
  Attributes attributes = {};
  // How long the caller still waits, where the library has read that itself (gRPC); else the headers are read.
  std::optional<std::chrono::nanoseconds> caller_waits = {};
};

// What an answer carries; false for nothing. Over gRPC the value of x-error-tree-bin is raw bytes.
struct ErrorTreeHeader {
  std::string name;
  std::string value;

  explicit operator bool() const noexcept { return !name.empty(); }
};

// When the outcome is known.
struct FinishOptions {
  std::string_view message = {};
  // HTTP: the head is gone already. Then the tree is a trailer if the caller takes it, else it is exported with the
  // span.
  bool is_head_sent = false;
  // gRPC: what the service itself sends in the trailers: name + value + 32 bytes for each.
  size_t own_trailers_bytes = 0;
  // HTTP: nor is there room behind the body, as it is not chunked.
  bool has_no_trailers = false;
};

class InboundState;

class InboundRequest {
 public:
  // Nothing: no span, no tree.
  InboundRequest() noexcept = default;
  // Reads the headers, as far as the listener trusts their sender, and starts the server span. All is borrowed for the
  // call.
  InboundRequest(const Middleware& middleware, const Listener& listener, const TextMapReader& headers,
                 const InboundOptions& options) noexcept;
  // As finish() with what was stated, else Unknown, and end(): an answer that nobody sent.
  ~InboundRequest();
  InboundRequest(InboundRequest&& other) noexcept;
  InboundRequest& operator=(InboundRequest&& other) noexcept;

  // To be attached while the request is served. Its span is the server span.
  const Context& context() const noexcept { return context_; }

  // HTTP: the name of the field that a tree would be in as a trailer, to be announced in the head; empty where this
  // caller gets none so.
  std::string_view trailer() const noexcept;

  // Once, when the outcome is known: makes the tree. Calls that are still open belong to it only if the time for this
  // request is over. The header to send, as the caller and its trust want it; what state_outcome() said counts more
  // than `code`. Later calls return nothing.
  ErrorTreeHeader finish(const ErrorCode& code, const FinishOptions& options = {}) noexcept;
  // Ends the server span, once. False: the answer did not reach the caller, as far as we know (the stream was
  // cancelled, the connection is gone): then, and where the time was over before finish(), the span tells of the
  // outcome.
  void end(bool is_delivered) noexcept;

 private:
  Context context_;
  std::shared_ptr<InboundState> state_;
};

}  // namespace backstitch::sdk
