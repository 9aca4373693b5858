// Tree → TraceQL text: for logs, error messages, and as the canonical form of a query.
#pragma once

#include <string>

#include "traceql/query.h"

namespace backstitch::traceql {

// parse(print(query)) == query for every tree that parse() made, but for some at the limits of query.h, which the
// printer's blanks and parentheses may pass. What no TraceQL says is printed so that people
// understand it, and parse() refuses it: `text(tag.user.id) = "7"`, `service`.
std::string print(const Query& query);
// What stands inside { }.
std::string print_expression(const Query& query, NodeId root);
// `span.http.url`, `name`: as labels and attribute names of results show fields.
std::string print(const FieldRef& field);
// `1.5s`, `"text"`, `error`, `nil`. Arrays and opaque values as model::to_text.
std::string print(const TypedValue& value);

}  // namespace backstitch::traceql
