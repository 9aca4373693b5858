// The service that the test harness of W3C Trace Context drives (github.com/w3c/trace-context, test/README.md):
//
//   POST /any/path   [{"url": "http://127.0.0.1:7777/callback/1", "arguments": []}, …]
//
// For each entry in order it POSTs `arguments` (none: []) as JSON to `url`, with the trace context of the request. It
// answers 200 and [{"url": "…", "status": 200}, …]; where no answer came, the status is 0 and "error" says why. 400 and
// a sentence for anything else.
#pragma once

#include <backstitch/tracer_provider.h>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "lab/service/server.h"
#include "lab/service/settings.h"
#include "lab/service/spelling.h"

namespace backstitch::lab {

// The harness tests level 1 of the recommendation.
constexpr const char* kW3cPropagators = "tracecontext-1,baggage";
constexpr size_t kCallbacksMax = 64;
constexpr int kJsonLevelsMax = 32;

struct Callback {
  std::string url;  // as it came
  Url parts;
  std::string arguments;  // JSON
};

std::expected<std::vector<Callback>, std::string> read_callbacks(std::string_view body);

// The middleware of each request trusts the hosts that the request names and no others: the SDK has no pattern that
// means every host, on purpose. `provider` outlives it.
StartedServer serve_w3c(const Settings& settings, const sdk::TracerProvider& provider);

}  // namespace backstitch::lab
