// Policies → nodes of a plan. Private to sample.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <string>
#include <vector>

#include "sample/plan.h"

namespace backstitch::sample {

class PlanCompiler {
 public:
  PlanCompiler(Plan& plan, PlanOptions options) : plan_(plan), options_(options) {}

  base::Result<> compile();

  // One rule each; std::visit calls them.
  using Node = base::Result<PlanNode>;
  Node operator()(const AlwaysSample&);
  Node operator()(const Latency& rule);
  Node operator()(const NumericAttribute& rule);
  Node operator()(const StringAttribute& rule);
  Node operator()(const BooleanAttribute& rule);
  Node operator()(const Probabilistic& rule);
  Node operator()(const StatusCodes& rule);
  Node operator()(const RateLimiting& rule);
  Node operator()(const BytesLimiting& rule);
  Node operator()(const SpanCount& rule);
  Node operator()(const TraceState& rule);
  Node operator()(const TraceFlags&);
  Node operator()(const OttlCondition& rule);
  Node operator()(const And& rule);
  Node operator()(const Drop& rule);
  Node operator()(const Not& rule);
  Node operator()(const Composite& rule);
  Node operator()(const Adaptive& rule);
  Node operator()(const TraceQl& rule);
  Node operator()(const Baseline& rule);
  Node operator()(const Novel& rule);
  Node operator()(const Orphan&);
  Node operator()(const ErrorTree&);

 private:
  // Appends the policy's nodes, its own last.
  base::Result<NodeIndex> add(const Policy& policy);
  base::Result<std::vector<NodeIndex>> add_all(const std::vector<Policy>& policies);
  Node bucket(BucketRate rate, bool counts_bytes);
  // What one inside it has, it has.
  void inherit(PlanNode& node, const std::vector<NodeIndex>& children) const;
  void need(TraceNeed need) { plan_.trace_need_ = std::max(plan_.trace_need_, need); }
  base::Result<> check_names() const;
  void order_policies();

  Plan& plan_;
  PlanOptions options_;
  size_t depth_ = 0;
  uint32_t budgets_ = 0;  // numbered over all kinds
  std::vector<std::string> adaptive_keys_;
};

}  // namespace backstitch::sample
