// One running `serve`: this file's .cc is the map of the program, where everything is made and handed to what needs
// it. Members are built in the order of the path and go in the reverse order.
#pragma once

#include <memory>
#include <string>

#include "app/config.h"
#include "base/result.h"
#include "base/time.h"

namespace backstitch::app {

// What runs behind the listeners until it is told to end: this, or a router (route_server.h).
class Server {
 public:
  // Opens the data directory, replays the log, listens. AlreadyExists where another process has the directory or a
  // port, Unsupported where a newer version wrote the data, InvalidArgument, Io, NoSpace: the message is a sentence
  // for the operator. Where the directory was refused, nothing in it was changed. Ports are taken last: where one is
  // refused the directory was made, opened and replayed by then, and holds the same traces as before.
  static base::Result<std::unique_ptr<Server>> start(const Config& config);
  virtual ~Server() = default;

  // As bound; empty where it is off.
  virtual std::string otlp_grpc_address() const = 0;
  virtual std::string otlp_http_address() const = 0;
  virtual std::string query_address() const = 0;

  // Refuses new requests, finishes those in progress, seals everything; within `wait`. Unavailable if something
  // stays in the log for the next start. Idempotent.
  virtual base::Result<> drain(base::Duration wait) = 0;
};

}  // namespace backstitch::app
