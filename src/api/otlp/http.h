// OTLP over HTTP: POST /v1/traces in protobuf or JSON, answered in the same.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
//
//   200  taken; partial_success names spans that were rejected
//   400  malformed, don't retry             413  too large, don't retry
//   415  neither protobuf nor JSON          429, 503 + Retry-After: nothing was kept, come again
//
// Every body but 200's is a google.rpc.Status in the request's encoding.
#pragma once

#include <string>
#include <vector>

#include "base/counters.h"
#include "ingest/contract/receiver.h"
#include "model/limits.h"
#include "net/http.h"

namespace backstitch::api {

struct OtlpHttpOptions {
  // Origins of web pages whose browsers may export here: "https://shop.example", or "*" for all. Empty: none may.
  std::vector<std::string> cors_origins;
  model::Limits limits;
};

// `receiver` and `metrics` outlive the router. Counters: backstitch_otlp_requests{transport,encoding},
// backstitch_otlp_refused{transport,reason}.
void add_otlp_http_routes(net::HttpRouter& router, ingest::Receiver& receiver, base::Metrics& metrics,
                          OtlpHttpOptions options);

// For the server that has these routes: what it refuses by itself (a body too large, broken or too slow, too many at
// once) is told as the routes tell it. Counted in backstitch_otlp_refused too. `metrics` outlives it.
net::HttpRefusalWriter make_otlp_http_refusal(base::Metrics& metrics, OtlpHttpOptions options);

}  // namespace backstitch::api
