// Tags, as Jaeger calls attributes in searches: text pairs that become conditions on one span.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "traceql/filter.h"

namespace backstitch::traceql {

constexpr size_t kTagsMax = 64;

// `key` equals `value`, on the span, its resource, scope or events. What Jaeger shows as tags but OTLP keeps in
// fields goes to the field: error=true (false) means status Error (not Error), span.kind the span's kind.
Condition tag_condition(std::string key, std::string value);

// `key=value` pairs in logfmt: split by spaces, values with spaces in double quotes, \" and \\ inside them.
//
//   parse_logfmt_tags(R"(http.status_code=500 user.id="a b" error=true)")
//
// InvalidArgument names the offset; so do more than kTagsMax pairs.
base::Result<std::vector<Condition>> parse_logfmt_tags(std::string_view text);

}  // namespace backstitch::traceql
