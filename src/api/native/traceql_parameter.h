// The parameter q: TraceQL, and what is wrong with it told by place. Private to api/native.
#pragma once

#include <optional>

#include "net/http.h"
#include "traceql/query.h"

namespace backstitch::api {

struct TraceqlParameter {
  std::optional<traceql::Query> query;       // not set where q is absent or refused
  std::optional<net::HttpResponse> refusal;  // 400, with line and column where the parser names them
};

// Of a search no metrics stage is taken, of metrics nothing without one.
enum class TraceqlUse { Search, Metrics };
TraceqlParameter traceql_parameter(const net::HttpRequest& request, TraceqlUse use);

}  // namespace backstitch::api
