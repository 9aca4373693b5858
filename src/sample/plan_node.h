// One policy of a compiled plan, nested ones included: what it compares, and where its budget lies in a Sampler.
// Private to sample.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "sample/adaptive_rates.h"
#include "sample/atoms.h"
#include "sample/shape_memory.h"
#include "sample/token_bucket.h"
#include "sample/trace_choice.h"
#include "traceql/analysis.h"
#include "traceql/evaluate.h"

namespace backstitch::sample {

using NodeIndex = uint32_t;  // into Plan's nodes; children stand before their parent

struct AlwaysNode {};
struct LatencyNode {
  int64_t threshold_ms = 0;
  int64_t upper_ms = 0;  // 0: none
};
struct SpanCountNode {
  int64_t min = 0;
  int64_t max = 0;  // 0: none
};
struct AtomNode {
  Atom atom = 0;
  bool inverted = false;
};
struct ConditionNode {
  AtomTable::ConditionAtoms atoms;
};
struct ChoiceNode {
  TraceChoice choice;
};
struct BucketNode {
  BucketRate rate;
  bool counts_bytes = false;
  uint32_t budget = 0;
};
struct AndNode {
  std::vector<NodeIndex> children;
  bool drops = false;
};
struct NotNode {
  NodeIndex child = 0;
};
struct CompositeNode {
  std::vector<NodeIndex> children;
  std::vector<int64_t> percents;  // of the total, of each child; 0: an equal share
  int64_t total = 0;              // spans a second
  uint32_t budget = 0;
};
struct AdaptiveNode {
  AdaptiveGoal goal;
  TraceChoice salt;
  uint32_t budget = 0;
};
struct TraceQlNode {
  // A leaf's `expression` is an index into `leaves`; one that no atoms stand for may or may not hold.
  traceql::Requirement required;
  std::vector<std::optional<AtomTable::ConditionAtoms>> leaves;
  bool is_sufficient = false;  // what is required is all there is to it
  // Shared, since nodes are values: immutable.
  std::shared_ptr<const traceql::Evaluator> evaluator;
};
struct NovelNode {
  ShapeBounds bounds;
  uint32_t budget = 0;
};
struct OrphanNode {};

struct PlanNode {
  std::variant<AlwaysNode, LatencyNode, SpanCountNode, AtomNode, ConditionNode, ChoiceNode, BucketNode, AndNode,
               NotNode, CompositeNode, AdaptiveNode, TraceQlNode, NovelNode, OrphanNode>
      body;
  bool has_budget = false;        // it, or one inside it, spends something
  bool may_need_trace = false;    // it, or one inside it
  bool is_asked_of_rest = false;  // adaptive and baseline at the top: last, and not where the trace is kept for sure
};

}  // namespace backstitch::sample
