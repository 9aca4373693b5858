// What those who run the server ask it: /healthz (is the process alive), /readyz (may it get traffic), /metrics; and
// /api/bs/v1/health for the web page: what an operator should look at.
#pragma once

#include <functional>

#include "base/counters.h"
#include "net/http.h"

namespace backstitch::api {

// `is_ready` is asked at each /readyz, on a server thread; its error's message is why not. `metrics` outlives the
// router.
void add_health_routes(net::HttpRouter& router, const base::Metrics& metrics, std::function<base::Result<>()> is_ready);

}  // namespace backstitch::api
