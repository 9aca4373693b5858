// Jaeger api_v3 over HTTP: OTLP JSON under {"result":…}, errors as {"error":{"httpCode":…,"message":…}}. Private to
// api/jaeger.
#pragma once

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

void add_jaeger_v3_routes(net::HttpRouter& router, query::Engine& engine);

}  // namespace backstitch::api
