// One running `route`: listeners, a router behind them, and what it tells of itself.
#pragma once

#include <memory>

#include "app/server.h"

namespace backstitch::app {

// Opens the queue in the data directory, listens, and delivers what an earlier process left. Errors as Server::start;
// InvalidArgument too where the configuration names no members.
base::Result<std::unique_ptr<Server>> start_route_server(const Config& config);

}  // namespace backstitch::app
