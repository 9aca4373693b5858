// What the listeners of `serve` and `route` have in common: how much they may hold, and a word where they are open.
#pragma once

#include <cstddef>

#include "app/config.h"
#include "net/address.h"
#include "net/grpc_server.h"
#include "net/http_server.h"

namespace backstitch::app {

size_t core_count();

// With limits that fit its memory.
Config within_memory(Config config);

net::HttpServerOptions http_options(const Config& config, const char* name, const net::Address& address);
net::GrpcServerOptions grpc_options(const Config& config, const net::Address& address);

// Logs a warning where others than this machine reach `listener`.
void warn_if_open(const char* listener, const net::Address& address);

}  // namespace backstitch::app
