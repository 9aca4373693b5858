// Jaeger query v1: every answer is {"data":…,"total":…,"limit":0,"offset":0,"errors":…}. Private to api/jaeger.
#pragma once

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

void add_jaeger_v1_routes(net::HttpRouter& router, query::Engine& engine);

}  // namespace backstitch::api
