// Error origins over time, /api/bs/v1/errors: both sides of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

net::HttpResponse list_error_origins(query::Engine& engine, const net::HttpRequest& request);

// The path and parameters that ask for `query`.
std::string error_origins_target(const model::ErrorOriginQuery& query);
// What list_error_origins() answered. Malformed.
base::Result<std::vector<model::ErrorOriginRow>> read_error_origins(std::string_view json);

}  // namespace backstitch::api
