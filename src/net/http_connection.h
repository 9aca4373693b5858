// One accepted connection of an HTTP server: reads requests, has them handled, writes the answers, until either side
// has enough. Runs as a coroutine on a strand of its own.
#pragma once

#include <functional>
#include <memory>

#include "net/http_server_state.h"

namespace boost::asio {
class io_context;
}

namespace backstitch::net {

// All calls are thread-safe. Without a deadline of its own: who made it calls expire() as time goes by.
class HttpConnection {
 public:
  enum class Family { V4, V6 };

  // Takes `socket`, a connected TCP socket, even on failure. `state` and `io` must outlive the connection. Throws
  // what the system does when it is out of memory or descriptors.
  static std::shared_ptr<HttpConnection> create(boost::asio::io_context& io, int socket, Family family,
                                                HttpServerState& state);
  virtual ~HttpConnection() = default;
  // Keeps the connection alive until it has ended; then `ended` is called once, on one of the threads of `io`.
  virtual void start(std::function<void()> ended) = 0;
  // Whether its present phase is over its time.
  virtual bool is_late() const = 0;
  // Interrupts the phase if it is late.
  virtual void expire() = 0;
  // Ends the connection if it is between two requests and none is on its way in.
  virtual void finish() = 0;
  // Ends it at the next byte that it would wait for.
  virtual void close() = 0;
};

}  // namespace backstitch::net
