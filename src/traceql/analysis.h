// What can be known of a query without a trace: which filters and fields it holds, and what a trace must at least have
// to match. Fast searches prune with these and leave the rest to the evaluator.
//
//   required(parse("{ A } >> ({ B } || { C }) | count() > 3"))  =  A and (B or C)
#pragma once

#include <optional>
#include <vector>

#include "traceql/query.h"

namespace backstitch::traceql {

// The roots, in Query::expressions, of all { … } of the query in the order of the text.
std::vector<NodeId> leaf_filters(const Query& query);

// The query is one { … } and nothing that needs more than single spans: it may be followed by select() and by
// metrics. Then its traces are those with a span for which this root is true, and its result those spans.
std::optional<NodeId> single_filter(const Query& query);
inline bool is_single_filter(const Query& query) { return single_filter(query).has_value(); }

enum class RequirementKind : uint8_t {
  Always,  // nothing is required
  Leaf,    // some span of the trace passes this filter
  And,     // of the two below
  Or,
};

struct RequirementNode {
  RequirementKind kind = RequirementKind::Always;
  NodeId expression = 0;  // of Leaf
  NodeId left = 0;        // of And and Or: in Requirement, before this
  NodeId right = 0;

  bool operator==(const RequirementNode&) const = default;
};

// In post-order, the last is the root; never empty.
using Requirement = std::vector<RequirementNode>;

// Necessary: no trace without it matches. Sufficient too where is_single_filter(query), and for && and || of filters.
Requirement required(const Query& query);

// The leaves of the && at the root of an expression: `a && b && (c || d)` gives a, b and c || d. All must hold on one
// span. For pruning by single comparisons.
std::vector<NodeId> conjuncts(const Query& query, NodeId root);

// Every field that the query reads, sorted, each once: filters, by(), aggregates, select() and metrics.
std::vector<FieldRef> fields_of(const Query& query);
std::vector<FieldRef> fields_of(const Query& query, NodeId root);  // of one expression

// What results show of each span: the fields of its filters, then those of select(), each once; not those of the
// whole trace.
std::vector<FieldRef> shown_fields(const Query& query);

// A structural operator, or a field that needs the tree of the spans.
bool needs_structure(const Query& query);

}  // namespace backstitch::traceql
