// What SDKs said that they lost, /api/bs/v1/sdk/losses: both sides of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "query/engine.h"

namespace backstitch::api {

net::HttpResponse list_sdk_losses(query::Engine& engine, const net::HttpRequest& request);

// The path and parameters that ask for `query`.
std::string sdk_losses_target(const model::SdkLossQuery& query);
// What list_sdk_losses() answered. Malformed.
base::Result<std::vector<model::SdkLossRow>> read_sdk_losses(std::string_view json);

}  // namespace backstitch::api
