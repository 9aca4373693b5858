// `backstitch serve`: the whole path from listeners to answers in one process.
#pragma once

#include <functional>

#include "app/config_load.h"

namespace backstitch::app {

// Runs until SIGTERM or SIGINT; returns the exit code. `reload` reads the same sources again, for SIGHUP.
int run_serve(const Config& config, const std::function<ConfigResult()>& reload);

}  // namespace backstitch::app
