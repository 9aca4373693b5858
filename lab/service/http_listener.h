// An HTTP server on cpp-httplib: who listens, how many at once, how it ends. What it answers is the caller's.
#pragma once

#include <functional>

#include "lab/service/server.h"
#include "lab/service/settings.h"

namespace httplib {
class Server;
}

namespace backstitch::lab {

// Requests that are served at once; others wait. Connections are closed after each answer, so that none that is idle
// holds a thread.
constexpr size_t kHttpThreads = 64;
constexpr size_t kRequestBytesMax = 1 << 20;

// GET /healthz is answered with 200, untraced. `add_routes` adds the rest; it is called once, before it listens.
StartedServer listen_http(const Address& address, const std::function<void(httplib::Server&)>& add_routes);

}  // namespace backstitch::lab
