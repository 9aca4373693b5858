// A policy set, compiled: which predicates to ask of each span, and how a trace's verdict follows from them.
//
//   const std::shared_ptr<const Plan> plan = Plan::compile(set, {.ottl = compile_ottl}).value();
//   const AtomBits of_resource = plan->of_resource(values);        // once per resource of a request
//   plan->add(span, of_resource, features);                        // for each of its spans
//   Sampler sampler(plan, shards);                                 // sampler.h: decides
//
// Immutable and thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/atoms.h"
#include "sample/features.h"
#include "sample/plan_node.h"
#include "sample/policy.h"
#include "sample/span_input.h"
#include "sample/whole_trace.h"

namespace backstitch::sample {

constexpr size_t kPolicyDepthMax = 8;     // of policies inside policies
constexpr size_t kPolicyNodesMax = 4096;  // nested ones included

struct PlanOptions {
  OttlCompiler ottl = nullptr;  // null: ottl_condition is Unsupported
};

class Plan {
 public:
  // InvalidArgument names the policy, with its line where it has one, and what is wrong with it: a bad expression, a
  // bound that is missing, a name that is empty or there twice. TooLarge: one of the bounds above, or kAtomsMax, or
  // model::Decision::kPoliciesMax.
  static base::Result<std::shared_ptr<const Plan>> compile(PolicySet policies, PlanOptions options = {});

  const PolicySet& policies() const { return policies_; }
  // Of all that decides about a verdict; equal for equal policies on every machine. Windows and caches are not in it.
  uint64_t fingerprint() const { return fingerprint_; }
  // What add() wants to see of each span; what is not in it may be left out.
  const SpanFields& fields() const { return atoms_.fields(); }
  size_t atom_count() const { return atoms_.size(); }
  // Somebody looks at TraceFeatures::bytes.
  bool asks_for_bytes() const { return asks_for_bytes_; }
  // At most this much of a whole trace is ever asked for.
  TraceNeed trace_need() const { return trace_need_; }

  // What holds for every span of a resource, by the values of fields().resource.
  AtomBits of_resource(std::span<const ValueView> values) const { return atoms_.of_resource(values); }
  // Adds a span to its trace's features, TraceFeatures::bytes excepted. No allocation with up to 128 atoms.
  void add(const SpanInput& span, const AtomBits& of_resource, TraceFeatures& features) const;
  // maximum_trace_size_bytes is passed: the trace can be dropped at once.
  bool is_too_large(const TraceFeatures& features) const {
    return policies_.maximum_trace_size_bytes > 0 && features.bytes > policies_.maximum_trace_size_bytes;
  }

 private:
  friend class PlanCompiler;
  friend class Sampler;
  Plan() = default;

  void add_kind(const SpanInput& span, TraceFeatures& features) const;

  PolicySet policies_;
  uint64_t fingerprint_ = 0;
  AtomTable atoms_;
  std::vector<PlanNode> nodes_;
  std::vector<NodeIndex> roots_;  // by policy
  std::vector<uint8_t> order_;    // policies as they are asked: drops, others, those asked of the rest
  size_t drop_count_ = 0;
  size_t rest_count_ = 0;
  bool asks_for_bytes_ = false;
  TraceNeed trace_need_ = TraceNeed::None;
  // Of `adaptive`.
  bool asks_for_kind_ = false;
  uint32_t service_slot_ = 0;
  struct KeySlots {
    uint32_t span = 0;
    uint32_t resource = 0;
  };
  std::vector<KeySlots> kind_keys_;
};

}  // namespace backstitch::sample
