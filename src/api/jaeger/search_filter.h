// Jaeger's search parameters as the filter that every search goes by. Private to api/jaeger.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/http/params.h"
#include "traceql/filter.h"

namespace backstitch::api {

// A JSON object of texts (numbers and booleans stand for their text): {"http.status_code":"500","error":"true"}.
base::Result<std::vector<traceql::Condition>> parse_json_tags(std::string_view json);
// "key:value"; the value may hold further colons.
base::Result<std::vector<traceql::Condition>> parse_colon_tag(std::string_view text);

// Service, operation and tags on one span; the durations each on any.
struct SearchTerms {
  std::string service;
  std::string operation;
  std::vector<traceql::Condition> tags;
  std::optional<base::Duration> duration_min;
  std::optional<base::Duration> duration_max;
};
traceql::Filter filter_of(SearchTerms terms);

}  // namespace backstitch::api
