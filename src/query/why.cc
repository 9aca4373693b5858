#include "query/why.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace backstitch::query {
namespace {

using model::Decision;

constexpr size_t kLastBit = 63;  // stands for all policies from here on

std::string name_of(const model::PolicySet& set, size_t policy) {
  return policy < set.names.size() ? set.names[policy] : fmt::format("policy {}", policy + 1);
}

std::vector<std::string> voters(const model::PolicySet& set, const Decision& decision) {
  std::vector<std::string> names;
  for (size_t bit = 0; bit < kLastBit; ++bit) {
    if ((decision.voted >> bit & 1) != 0) names.push_back(name_of(set, bit));
  }
  if (decision.voted >> kLastBit == 0) return names;
  const bool is_one = set.names.size() == kLastBit + 1;
  names.push_back(is_one ? set.names.back() : fmt::format("one or more from policy {} on", kLastBit + 1));
  return names;
}

}  // namespace

bool TraceWhy::was_kept() const {
  return std::ranges::any_of(decisions,
                             [](const WhyDecision& one) { return one.decision.verdict == model::Verdict::Kept; });
}

base::Result<TraceWhy> explain(store::DecisionStore& decisions, const WhyQuestion& question) {
  const auto history = decisions.find(question.id);
  if (!history) return std::unexpected(history.error());
  TraceWhy why{
      .id = question.id, .decisions = {}, .is_partial = history->is_partial, .reopen_until = question.reopen_until};
  std::map<uint32_t, model::PolicySet> sets;
  for (const Decision& decision : history->decisions) {
    const auto [at, is_new] = sets.try_emplace(decision.policy_set);
    if (is_new) at->second = decisions.policy_set(decision.policy_set).value_or(model::PolicySet());
    const model::PolicySet& set = at->second;
    why.decisions.push_back({.decision = decision,
                             .policy = decision.policy == Decision::kNoPolicy ? "" : name_of(set, decision.policy),
                             .voted = voters(set, decision)});
  }
  return why;
}

}  // namespace backstitch::query
