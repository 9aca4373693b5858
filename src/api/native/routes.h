// The native HTTP API, /api/bs/v1: docs/formats/native-api.md.
#pragma once

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

// `engine` outlives the router.
void add_native_routes(net::HttpRouter& router, query::Engine& engine);

}  // namespace backstitch::api
