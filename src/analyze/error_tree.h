// Who failed first behind each failed request of a trace, who renamed it on the way back, who hid it, and where caller
// and callee disagree: error trees of the same shape as those that services send with their answers
// (docs/spec/error-tree.md), made of what the spans say, and of the trees that came as span events where there are
// some.
//
//   for (const FailedRequest& request : failed_requests(trace, wire::error_tree::reported_trees(trace).trees)) {
//     request.tree.node(request.path.back()).service;  // the origin's
//   }
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/error_tree.h"
#include "model/reported_error_tree.h"
#include "model/trace.h"

namespace backstitch::analyze {

// One call of which the one side says that it succeeded and the other that it failed.
struct SplitBrain {
  size_t node = 0;  // its `code` is the caller's word, or the callee's; `other_code` is the other side's
  std::optional<std::chrono::nanoseconds> late_by;  // from when the caller gave up to when the callee ended
  std::optional<bool> committed;                    // whether a side effect happened; nothing: unknown

  bool operator==(const SplitBrain&) const = default;
};

struct FailedRequest {
  model::ErrorTree tree;
  size_t entry = 0;                      // the span that the request began with here: an index into the trace's spans
  std::vector<size_t> path;              // the failing path: nodes from the root to the origin
  std::vector<SplitBrain> split_brains;  // in order of their nodes
  bool is_unsampled = false;             // the entry span stands for a request whose other spans were not exported

  // "permission-denied -> not-found": the codes along the path from the origin to the root, each change once. Ends with
  // "ok" where the failure was swallowed.
  std::string drift_chain() const;
};

struct ErrorTreeBounds {
  size_t nodes_max = 2048;  // of one tree; 2 at least
  size_t path_max = 512;    // nodes of the failing path; 2 at least, below nodes_max
  size_t context_max = 64;  // clean children of a node
};

// One for each entry of the trace (a span whose parent is absent) below which something failed, in order of their
// start. Something failed where a span has status Error or a reported tree fails: an answer of 404 alone is none.
//
// `reported` are in order of their spans. What a service reported counts more than its spans and what lies below them;
// where a report says that a caller gave up, the callee's own spans or report are joined in by the span id.
//
// Beyond `bounds` cousins of the failing path go, then what stands on it just below the root; the root's `truncated`
// says how many. No recursion; cost O(spans × log + nodes reported). Spans in any order; cycles of parents and traces
// of any depth are fine.
std::vector<FailedRequest> failed_requests(const model::Trace& trace,
                                           std::span<const model::ReportedErrorTree> reported = {},
                                           const ErrorTreeBounds& bounds = {});

}  // namespace backstitch::analyze
