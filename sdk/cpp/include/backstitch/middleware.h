// Error trees and deadlines of one service: when a request fails, its answer says who failed, as what, and who renamed
// it on the way back (docs/spec/error-tree.md). Here is what a service configures once; what serves a request is an
// InboundRequest (backstitch/inbound.h), what calls another service an OutboundCall (backstitch/outbound.h).
// Instrumentations of libraries do both for you.
//
//   MiddlewareOptions options;
//   options.hosts = {{"cart:8080", "cart", /*is_trusted=*/true}};
//   const Middleware middleware(*provider, options);
//
// Nothing here throws, blocks or ends the process. Without memory a request has no tree.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backstitch/error_code.h"
#include "backstitch/tracer_provider.h"

namespace backstitch::sdk {

enum class Protocol : uint8_t { Http, Grpc };

// A host that is called. Hosts that no entry names are not trusted.
struct Host {
  // "cart", "*.shop.example", "10.0.0.7:8080", "[::1]"; without a port all ports are meant. The first that fits counts.
  std::string pattern;
  // What we call it, for failures of which only we know, and to notice answers in another name. Empty: its address.
  std::string service = {};
  // It is told our trace, our deadline and what we take, and its trees are believed.
  bool is_trusted = false;
};

// Who may call on one listener, and what they are told.
struct Listener {
  // Callers are our own: their trace goes on, their x-error-* headers and deadlines are read, and they get our trees.
  // Else requests begin traces of their own, which link to the caller's.
  bool is_trusted = false;
  // Callers that are not trusted get our trees nevertheless, as JSON: for a lab, or an edge that may show its inside.
  bool exposes_trees = false;
  // The service's own limit for a request; none: as long as the caller waits.
  std::optional<std::chrono::nanoseconds> time_limit = {};
};

struct MiddlewareOptions {
  std::vector<Host> hosts;
  // Takes secrets out of this service's own messages and of those that it notes about others. Called from any thread.
  std::function<std::string(std::string_view)> redact;
  // Of a tree that is sent: 2 to 64 nodes, levels off the failing path, bytes of the header's value.
  size_t tree_nodes_max = 64;
  size_t tree_depth_max = 16;
  size_t tree_bytes_max = 3072;
  // Calls that one request remembers; beyond that, those that succeeded are forgotten first, and counted.
  size_t attempts_max = 1024;
  // Time, for tests. Null: the steady clock.
  std::function<std::chrono::steady_clock::time_point()> clock;
  // Told what is wrong with these options. Null: nobody.
  std::function<void(std::string_view)> on_problem;
};

// "backstitch_error_tree_refused", "bad_json", 3. Texts are the program's own.
struct Counter {
  std::string_view name;
  std::string_view reason;  // empty where the name says it all
  uint64_t value;
};

class MiddlewareState;

// A handle: copies share everything, may be kept anywhere, and may outlive the provider.
class Middleware {
 public:
  // Does nothing: requests are neither traced nor told of.
  Middleware() noexcept = default;
  // A pattern that cannot be read is told to on_problem, and its host is not trusted.
  explicit Middleware(const TracerProvider& provider, MiddlewareOptions options = {}) noexcept;

  // All counters with all reasons, in an order that stays. Each only grows. Empty without memory.
  std::vector<Counter> counters() const noexcept;
  // One of them; 0 where there is none of that name.
  uint64_t count(std::string_view name, std::string_view reason = {}) const noexcept;

 private:
  friend struct MiddlewareAccess;

  std::shared_ptr<const MiddlewareState> state_;
};

// What the service itself says of the request that it serves in `context`: known to the instrumentation, whatever it
// sees of the answer. Nothing happens outside of a request, and after its answer.
//
// How it ended, where the protocol's status says less or otherwise: a message, a custom code.
void state_outcome(const ErrorCode& code, std::string_view message = {},
                   const Context& context = Context::current()) noexcept;
// Whether a side effect happened: what a caller wants to know that gave up too early.
void state_committed(bool is_committed, const Context& context = Context::current()) noexcept;
// When the service's own work must end so that its answer reaches the caller; none: it may take its time.
std::optional<std::chrono::steady_clock::time_point> work_deadline(
    const Context& context = Context::current()) noexcept;

}  // namespace backstitch::sdk
