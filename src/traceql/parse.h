// TraceQL text → tree, in the dialect that Grafana Tempo documents.
//
//   parse(R"({ resource.service.name = "cart" && duration > 1s } | count() > 2)")
//
// As there: && and || bind alike, from the left, and attribute names run up to a blank or one of {}()=~!<>&|^, so
// that `.a+1` is one name; quote names that hold such characters (span."a b").
#pragma once

#include <string_view>

#include "base/result.h"
#include "traceql/query.h"

namespace backstitch::traceql {

// InvalidArgument says where, by line and column from 1 on in characters, what stands there and what could:
//   1:14: expected a value after '=', found '}'
// and so it does where types do not fit (`{ name > 5 }`), a pattern is no RE2, or a limit of query.h is passed.
// compare() and arithmetic between metrics are refused by name. Cost O(text).
base::Result<Query> parse(std::string_view text);

// What print() wrote on another node, whatever built the query: also Jaeger's tags and services, which TraceQL has no
// words for. The limits of query.h are four times as wide, 32 times of bytes: a tag's value may be long.
base::Result<Query> parse_between_nodes(std::string_view text);

}  // namespace backstitch::traceql
