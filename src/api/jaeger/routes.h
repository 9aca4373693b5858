// Jaeger's query APIs, so that Jaeger UI and Grafana's Jaeger source work unchanged.
//
//   /api/…     v1 JSON: services, operations, search, one trace, dependencies (Grafana; Jaeger UI for one trace)
//   /api/v3/…  api_v3: services, operations, search as OTLP JSON or as summaries, one trace (Jaeger UI from 2.15)
//
// Both search newest start first, open traces included, with or without a service.
#pragma once

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

// `engine` outlives the router.
void add_jaeger_routes(net::HttpRouter& router, query::Engine& engine);

}  // namespace backstitch::api
