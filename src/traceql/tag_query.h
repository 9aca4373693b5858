// Searches as Jaeger and Zipkin ask them, as the tree that TraceQL has too.
//
//   tag_query({.service = "cart", .tags = parse_logfmt("http.status_code=500").value(), .duration_min = 1s})
//     = { service = "cart" && text(tag.http.status_code) = "500" } && { duration >= 1s }
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "traceql/query.h"

namespace backstitch::traceql {

constexpr size_t kTagPairsMax = 64;

// Text pairs: `key` equals `value` by text (ExpressionNode::as_text) on the span, its resource, scope or events. What
// Jaeger shows as tags but OTLP keeps in fields goes to the field: error=true (false) means status error (not error),
// span.kind the span's kind.
struct Tag {
  std::string key;
  std::string value;
  bool operator==(const Tag&) const = default;
};

// `key=value` pairs in logfmt: split by spaces, values with spaces in double quotes, \" and \\ inside them.
//
//   parse_logfmt(R"(http.status_code=500 user.id="a b" error=true)")
//
// InvalidArgument names the offset; so do more than kTagPairsMax pairs.
base::Result<std::vector<Tag>> parse_logfmt(std::string_view text);

struct TagSearch {
  // On one and the same span; what is empty asks nothing.
  std::string service;
  std::string operation;
  std::vector<Tag> tags;
  // On any span of the trace, each for itself.
  std::optional<base::Duration> duration_min;
  std::optional<base::Duration> duration_max;
};

// `{ }`, every trace that has a span, where nothing is asked.
Query tag_query(const TagSearch& search);

}  // namespace backstitch::traceql
