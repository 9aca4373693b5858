#include "api/native/health.h"

#include "api/native/answers.h"

namespace backstitch::api {
namespace {

using Captures = net::HttpRouter::Captures;

net::HttpResponse text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

// What needs a person, in words.
net::HttpResponse health(const base::Metrics& metrics) {
  return json_object([&](base::JsonWriter& json) {
    json.key("warnings");
    json.begin_array();
    const double mismatches = metrics.sum("backstitch_cluster_epoch_mismatches").value_or(0);
    if (mismatches > 0) {
      json.begin_object();
      json.field("code", "cluster_epoch_mismatch");
      json.field("count", static_cast<uint64_t>(mismatches));
      json.field("text",
                 "Routers and this node have different lists of the cluster's members; traces may be split "
                 "among nodes until all have the same.");
      json.end_object();
    }
    json.end_array();
  });
}

}  // namespace

void add_health_routes(net::HttpRouter& router, const base::Metrics& metrics,
                       std::function<base::Result<>()> is_ready) {
  router.add("GET", "/healthz", [](net::HttpRequest&, const Captures&) { return text(200, "ok"); });
  router.add("GET", "/readyz", [is_ready = std::move(is_ready)](net::HttpRequest&, const Captures&) {
    const base::Result<> ready = is_ready();
    return ready ? text(200, "ok") : text(503, ready.error().message);
  });
  router.add("GET", "/api/bs/v1/health", [&metrics](net::HttpRequest&, const Captures&) { return health(metrics); });
  router.add("GET", "/metrics", [&metrics](net::HttpRequest& request, const Captures&) -> net::HttpResponse {
    // Who does not ask for OpenMetrics gets it all the same, but not what only OpenMetrics has.
    const std::string accept = net::to_lower(request.header("accept").value_or(""));
    const bool with_exemplars = accept.find("application/openmetrics-text") != std::string::npos;
    return {.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
            .body = metrics.render(with_exemplars)};
  });
}

}  // namespace backstitch::api
