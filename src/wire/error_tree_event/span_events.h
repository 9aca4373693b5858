// The span event `backstitch.error_tree`: the tree of a request that its service reported out of band
// (docs/spec/error-tree.md, "Out of band" and "Unsampled failures"). A folder of its own, since the SDK takes all of
// wire/error_tree along and has no spans of OTLP.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/reported_error_tree.h"
#include "model/trace.h"

namespace backstitch::wire::error_tree {

constexpr std::string_view kEventName = "backstitch.error_tree";

struct ReportedTrees {
  std::vector<model::ReportedErrorTree> trees;  // in order of their spans, one of each at most
  uint64_t refused = 0;                         // events whose `tree` is missing or cannot be read
};

// Of a span with several such events the first that can be read counts. `tree` is bytes of protobuf, or, of SDKs whose
// attributes know no bytes, their base64 as a string.
ReportedTrees reported_trees(const model::SpanSet& set);

}  // namespace backstitch::wire::error_tree
