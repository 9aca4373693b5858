// Why a trace was kept or dropped, /api/bs/v1/traces/{id}/why: both sides of it. docs/formats/native-api.md has the
// fields.
#pragma once

#include <string>
#include <string_view>

#include "net/http.h"
#include "query/why.h"

namespace backstitch::api {

// 404 not_found where nothing was decided about the trace.
net::HttpResponse why_response(const query::TraceWhy& why);

// The path that asks it.
std::string why_target(const model::TraceId& id);
// What why_response() answered with decisions. Malformed.
base::Result<query::TraceWhy> read_why(std::string_view json);

}  // namespace backstitch::api
