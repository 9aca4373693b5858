#include "sample/plan_compiler.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <utility>

#include "model/decision.h"
#include "sample/policy_fingerprint.h"

// Rules without other policies, and the frame. Those with policies inside and ours are in plan_compiler_nested.cc.

namespace backstitch::sample {
namespace {

base::Error at(const Policy& policy, base::Error error) {
  const std::string line = policy.line == 0 ? "" : fmt::format("line {}: ", policy.line);
  // The innermost policy has told the line already.
  const bool has_line = error.message.starts_with("line ");
  error.message = fmt::format("{}policy \"{}\": {}", has_line ? "" : line, policy.name, error.message);
  return error;
}

int64_t burst_of(int64_t burst, int64_t per_second) {
  if (burst > 0) return burst;
  return per_second > std::numeric_limits<int64_t>::max() / 2 ? std::numeric_limits<int64_t>::max() : per_second * 2;
}

PlanNode of_atom(Atom atom, bool inverted) { return {.body = AtomNode{.atom = atom, .inverted = inverted}}; }

}  // namespace

base::Result<std::shared_ptr<const Plan>> Plan::compile(PolicySet policies, PlanOptions options) {
  std::shared_ptr<Plan> plan(new Plan);
  plan->policies_ = std::move(policies);
  const base::Result<> compiled = PlanCompiler(*plan, options).compile();
  if (!compiled) return std::unexpected(compiled.error());
  plan->fingerprint_ = fingerprint_of(plan->policies_);
  return plan;
}

base::Result<> PlanCompiler::compile() {
  if (const base::Result<> names = check_names(); !names) return names;
  for (const Policy& policy : plan_.policies_.policies) {
    const base::Result<NodeIndex> root = add(policy);
    if (!root) return std::unexpected(root.error());
    plan_.roots_.push_back(*root);
  }
  if (plan_.atoms_.size() > kAtomsMax) {
    return base::fail(base::Errc::TooLarge, fmt::format("the policies ask {} different things of spans; at most {}",
                                                        plan_.atoms_.size(), kAtomsMax));
  }
  const SpanFields& fields = plan_.atoms_.fields();
  if (fields.attribute_count() > model::FeaturePlan::kAttributesMax) {
    return base::fail(base::Errc::TooLarge, fmt::format("the policies read {} different attributes; at most {}",
                                                        fields.attribute_count(), model::FeaturePlan::kAttributesMax));
  }
  order_policies();
  plan_.asks_for_bytes_ |= plan_.policies_.maximum_trace_size_bytes > 0;
  return {};
}

base::Result<> PlanCompiler::check_names() const {
  const std::vector<Policy>& policies = plan_.policies_.policies;
  if (policies.size() > model::Decision::kPoliciesMax) {
    return base::fail(base::Errc::TooLarge,
                      fmt::format("{} policies; at most {}", policies.size(), model::Decision::kPoliciesMax));
  }
  absl::flat_hash_set<std::string> names;
  for (const Policy& policy : policies) {
    const bool is_empty = policy.name.empty();
    if (!is_empty && names.insert(policy.name).second) continue;
    return std::unexpected(
        at(policy, {base::Errc::InvalidArgument, is_empty ? "a policy has a name" : "another policy has this name"}));
  }
  return {};
}

void PlanCompiler::order_policies() {
  const auto is_drop = [this](size_t policy) {
    return std::holds_alternative<Drop>(plan_.policies_.policies[policy].rule);
  };
  const auto is_of_rest = [this](size_t policy) { return plan_.nodes_[plan_.roots_[policy]].is_asked_of_rest; };
  const size_t count = plan_.roots_.size();
  const auto append = [&](auto belongs) {
    for (size_t policy = 0; policy < count; ++policy) {
      if (belongs(policy)) plan_.order_.push_back(static_cast<uint8_t>(policy));
    }
  };
  append(is_drop);
  plan_.drop_count_ = plan_.order_.size();
  append([&](size_t policy) { return !is_drop(policy) && !is_of_rest(policy); });
  plan_.rest_count_ = count - plan_.order_.size();
  append(is_of_rest);
}

base::Result<NodeIndex> PlanCompiler::add(const Policy& policy) {
  if (depth_ == kPolicyDepthMax) {
    return std::unexpected(
        at(policy, {base::Errc::TooLarge, fmt::format("policies lie inside each other more than {} deep", depth_)}));
  }
  ++depth_;
  Node node = std::visit(*this, policy.rule);
  --depth_;
  if (!node) return std::unexpected(at(policy, node.error()));
  if (plan_.nodes_.size() == kPolicyNodesMax) {
    return std::unexpected(at(
        policy, {base::Errc::TooLarge, fmt::format("more than {} policies, nested ones included", kPolicyNodesMax)}));
  }
  node->is_asked_of_rest =
      depth_ == 0 && (std::holds_alternative<Adaptive>(policy.rule) || std::holds_alternative<Baseline>(policy.rule));
  plan_.nodes_.push_back(*std::move(node));
  return static_cast<NodeIndex>(plan_.nodes_.size() - 1);
}

PlanCompiler::Node PlanCompiler::operator()(const AlwaysSample&) { return PlanNode{.body = AlwaysNode{}}; }

PlanCompiler::Node PlanCompiler::operator()(const Latency& rule) {
  return PlanNode{.body = LatencyNode{.threshold_ms = rule.threshold.count(), .upper_ms = rule.upper.count()}};
}

PlanCompiler::Node PlanCompiler::operator()(const NumericAttribute& rule) {
  if (rule.min_value == 0 && rule.max_value == 0) {
    return base::fail(base::Errc::InvalidArgument, "numeric_attribute takes min_value or max_value (0 is no bound)");
  }
  const int64_t min = rule.min_value == 0 ? std::numeric_limits<int64_t>::min() : rule.min_value;
  const int64_t max = rule.max_value == 0 ? std::numeric_limits<int64_t>::max() : rule.max_value;
  const Atom atom = plan_.atoms_.attribute(rule.key, fmt::format("in {} {}", min, max), IntegerRange{min, max});
  return of_atom(atom, rule.invert_match);
}

PlanCompiler::Node PlanCompiler::operator()(const StringAttribute& rule) {
  std::vector<std::string> values = rule.values;
  std::string identity;
  if (!rule.enabled_regex_matching) {
    std::erase(values, "");
    std::ranges::sort(values);
  }
  for (const std::string& value : values) identity += fmt::format(" {}:{}", value.size(), value);
  if (!rule.enabled_regex_matching) {
    return of_atom(plan_.atoms_.attribute(rule.key, "is" + identity, OneOfTexts{std::move(values)}), rule.invert_match);
  }
  base::Result<TextPattern> pattern = TextPattern::compile(values);
  if (!pattern) return std::unexpected(pattern.error());
  return of_atom(plan_.atoms_.attribute(rule.key, "matches" + identity, *std::move(pattern)), rule.invert_match);
}

PlanCompiler::Node PlanCompiler::operator()(const BooleanAttribute& rule) {
  const Atom atom = plan_.atoms_.attribute(rule.key, rule.value ? "true" : "false", BooleanIs{rule.value});
  return of_atom(atom, rule.invert_match);
}

PlanCompiler::Node PlanCompiler::operator()(const Probabilistic& rule) {
  return PlanNode{.body = ChoiceNode{TraceChoice(rule.hash_salt, rule.sampling_percentage)}};
}

PlanCompiler::Node PlanCompiler::operator()(const StatusCodes& rule) {
  if (rule.codes.empty()) {
    return base::fail(base::Errc::InvalidArgument, "status_code takes at least one of OK, ERROR, UNSET");
  }
  uint8_t mask = 0;
  for (const model::StatusCode code : rule.codes) mask |= static_cast<uint8_t>(1U << static_cast<unsigned>(code));
  return of_atom(plan_.atoms_.status(mask), false);
}

PlanCompiler::Node PlanCompiler::bucket(BucketRate rate, bool counts_bytes) {
  plan_.asks_for_bytes_ |= counts_bytes;
  return PlanNode{.body = BucketNode{.rate = rate, .counts_bytes = counts_bytes, .budget = budgets_++},
                  .has_budget = true};
}

PlanCompiler::Node PlanCompiler::operator()(const RateLimiting& rule) {
  return bucket({rule.spans_per_second, burst_of(rule.burst_capacity, rule.spans_per_second)}, false);
}

PlanCompiler::Node PlanCompiler::operator()(const BytesLimiting& rule) {
  return bucket({rule.bytes_per_second, burst_of(rule.burst_capacity, rule.bytes_per_second)}, true);
}

PlanCompiler::Node PlanCompiler::operator()(const SpanCount& rule) {
  return PlanNode{.body = SpanCountNode{.min = rule.min_spans, .max = rule.max_spans}};
}

PlanCompiler::Node PlanCompiler::operator()(const TraceState& rule) {
  return of_atom(plan_.atoms_.trace_state(rule.key, rule.values), false);
}

PlanCompiler::Node PlanCompiler::operator()(const TraceFlags&) { return of_atom(plan_.atoms_.sampled_flag(), false); }

PlanCompiler::Node PlanCompiler::operator()(const OttlCondition& rule) {
  if (rule.span.empty() && rule.span_event.empty()) {
    return base::fail(base::Errc::InvalidArgument,
                      "ottl_condition takes at least one condition, under span or spanevent");
  }
  if (options_.ottl == nullptr)
    return base::fail(base::Errc::Unsupported, "ottl_condition is not part of this program");
  std::string identity = fmt::format("ottl {}", static_cast<int>(rule.error_mode));
  for (const std::string& text : rule.span) identity += fmt::format(" span {}:{}", text.size(), text);
  for (const std::string& text : rule.span_event) identity += fmt::format(" event {}:{}", text.size(), text);
  if (const auto known = plan_.atoms_.known_condition(identity)) return PlanNode{.body = ConditionNode{*known}};
  auto condition = options_.ottl(rule, plan_.atoms_.fields());
  if (!condition) return std::unexpected(condition.error());
  return PlanNode{.body = ConditionNode{plan_.atoms_.condition(std::move(identity), *std::move(condition))}};
}

}  // namespace backstitch::sample
