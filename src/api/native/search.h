// Search and metrics of the native API: docs/formats/native-api.md. Private to api/native.
#pragma once

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

// GET /traces
net::HttpResponse search_traces(query::Engine& engine, const net::HttpRequest& request);
// GET /metrics/query_range
net::HttpResponse query_metrics(query::Engine& engine, const net::HttpRequest& request);
// GET /store/stats
net::HttpResponse store_stats(query::Engine& engine);

}  // namespace backstitch::api
