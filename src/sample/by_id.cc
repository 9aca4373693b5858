#include "sample/by_id.h"

#include <algorithm>

namespace backstitch::sample {
namespace {

bool all_go_by_id(const std::vector<Policy>& policies) {
  return std::ranges::all_of(policies, [](const Policy& policy) { return goes_by_id(policy.rule); });
}

}  // namespace

// Policies lie inside each other at most kPolicyDepthMax deep.
bool goes_by_id(const Rule& rule) {
  if (const auto* all = std::get_if<And>(&rule)) return all_go_by_id(all->policies);
  if (const auto* opposite = std::get_if<Not>(&rule)) return all_go_by_id(opposite->policy);
  return std::holds_alternative<AlwaysSample>(rule) || std::holds_alternative<Probabilistic>(rule) ||
         std::holds_alternative<Baseline>(rule);
}

uint64_t policies_by_evidence(const PolicySet& set) {
  uint64_t policies = 0;
  for (size_t i = 0; i < set.policies.size(); ++i) {
    if (!goes_by_id(set.policies[i].rule)) policies |= uint64_t{1} << std::min<size_t>(i, 63);
  }
  return policies;
}

}  // namespace backstitch::sample
