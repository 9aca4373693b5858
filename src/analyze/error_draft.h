// A trace's failures on their way to trees: nodes with links, each after its parent, so that one pass backward sees
// every node after all that is below it. Private to analyze.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyze/error_tree.h"
#include "analyze/service_calls.h"
#include "analyze/span_outcome.h"

namespace backstitch::analyze {

// What the caller saw of a call.
struct CallerWord {
  model::ErrorCode code;
  std::string_view message;
  std::chrono::nanoseconds duration{0};
  model::SpanId span_id;
  model::Timestamp end;
  bool gave_up = false;  // the callee's answer never counted
};

// One node. Texts of `node` are borrowed from the trace, the reports, or `text`.
struct Draft {
  model::ErrorNode node;
  std::string text;  // the message, where it is put together
  std::string name;  // the service, where it is made up

  size_t parent = kNone;
  size_t first_child = kNone;
  size_t last_child = kNone;
  size_t next_sibling = kNone;

  size_t hop = kNone;                                // to be expanded: what the spans of a hop say, or its report
  const model::ReportedErrorTree* report = nullptr;  // that the node is the root of
  std::optional<CallerWord> caller;
  model::Timestamp end;      // of the callee
  bool is_composed = false;  // from spans: message, swallowed and drift are still to be told
  bool is_async = false;     // the parent learns nothing of how it ended
  bool is_alarming = false;  // a span of status Error, or a node that was reported as failing, here or below

  // Told on the way back.
  bool is_hiding = false;       // ok, with a failing node below
  size_t next = kNone;          // on the failing path
  size_t above_origin = kNone;  // the last but one of the failing path from here on; none where it ends here
  bool has_failing_child = false;

  bool is_failing() const { return node.is_failing(); }
};

struct Drafts {
  std::vector<Draft> all;     // parents before children
  std::vector<size_t> roots;  // in order of start
};

// Everything that may stand in a tree. `trace`, `calls` and `reported` outlive the result.
Drafts collect_drafts(const model::Trace& trace, const ServiceCalls& calls,
                      std::span<const model::ReportedErrorTree> reported);

// Tells messages, joins both sides of each call and finds the failing paths.
void compose_drafts(std::vector<Draft>& all);

}  // namespace backstitch::analyze
