// The native HTTP API, /api/bs/v1: docs/formats/native-api.md.
#pragma once

#include "api/native/sampling.h"
#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

// `engine` outlives the router, and so does what `sampling` refers to.
void add_native_routes(net::HttpRouter& router, query::Engine& engine, SamplingQuestions sampling = {});

}  // namespace backstitch::api
