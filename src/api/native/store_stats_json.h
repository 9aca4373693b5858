// What a store keeps, as docs/formats/native-api.md writes it, both ways.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/engine.h"

namespace backstitch::api {

std::string store_stats_json(const store::StoreStats& stats, const query::Missing& missing = {});
// Malformed. What is missing is 0.
base::Result<store::StoreStats> read_store_stats(std::string_view json);

}  // namespace backstitch::api
