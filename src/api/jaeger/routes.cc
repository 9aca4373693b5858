#include "api/jaeger/routes.h"

#include "api/jaeger/v1.h"
#include "api/jaeger/v3.h"

namespace backstitch::api {

void add_jaeger_routes(net::HttpRouter& router, query::Engine& engine) {
  add_jaeger_v1_routes(router, engine);
  add_jaeger_v3_routes(router, engine);
}

}  // namespace backstitch::api
