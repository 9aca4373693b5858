// A verb that serves until it is told to end: `serve`, `route`.
#pragma once

#include <functional>
#include <memory>

#include "app/config_load.h"
#include "app/server.h"

namespace backstitch::app {

using StartServer = std::function<base::Result<std::unique_ptr<Server>>(const Config& config)>;

// Runs until SIGTERM or SIGINT; returns the exit code. `reload` reads the same sources again, for SIGHUP.
int run_serve(const Config& config, const StartServer& start_server, const std::function<ConfigResult()>& reload);

}  // namespace backstitch::app
