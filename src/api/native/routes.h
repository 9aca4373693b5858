// The native HTTP API, /api/bs/v1: docs/formats/native-api.md.
#pragma once

#include <utility>

#include "api/native/sampling.h"
#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

// Whom questions are put to; the same twice where this node is alone.
struct NativeEngines {
  query::Engine& all;    // this node and its peers
  query::Engine& local;  // this node: for requests with the header backstitch-scope: local
};

// The engines outlive the router, and so does what `sampling` refers to.
void add_native_routes(net::HttpRouter& router, NativeEngines engines, SamplingQuestions sampling = {});
inline void add_native_routes(net::HttpRouter& router, query::Engine& engine, SamplingQuestions sampling = {}) {
  add_native_routes(router, NativeEngines{engine, engine}, std::move(sampling));
}

}  // namespace backstitch::api
