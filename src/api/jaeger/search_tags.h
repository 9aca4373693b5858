// Tags as Jaeger's searches write them. Private to api/jaeger.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "traceql/tag_query.h"

namespace backstitch::api {

// A JSON object of texts (numbers and booleans stand for their text): {"http.status_code":"500","error":"true"}.
base::Result<std::vector<traceql::Tag>> parse_json_tags(std::string_view json);
// "key:value"; the value may hold further colons.
base::Result<std::vector<traceql::Tag>> parse_colon_tag(std::string_view text);

}  // namespace backstitch::api
