#include "app/policies_in_force.h"

#include "app/tail_sampling_explain.h"

namespace backstitch::app {

api::PoliciesInForce policies_in_force(const Config& config) {
  if (!config.tail_sampling) return {};
  const TailSamplingExplanation explanation = explain(*config.tail_sampling);
  api::PoliciesInForce told{.summary = explanation.summary, .policies = {}, .notes = explanation.notes};
  const std::pair<const char*, const std::vector<PolicyExplanation>*> groups[] = {
      {"drops", &explanation.drops}, {"keeps", &explanation.keeps}, {"of_the_rest", &explanation.of_the_rest}};
  for (const auto& [asked, group] : groups) {
    for (const PolicyExplanation& policy : *group) {
      told.policies.push_back({.name = policy.name,
                               .type = policy.type,
                               .asked = asked,
                               .says = policy.sentence,
                               .warnings = policy.warnings});
    }
  }
  return told;
}

}  // namespace backstitch::app
