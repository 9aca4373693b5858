// The policies that decide, in words, with what each has kept so far: /api/bs/v1/policies.
#pragma once

#include <string>
#include <vector>

#include "base/counters.h"
#include "net/http.h"

namespace backstitch::api {

struct PolicyInForce {
  std::string name;
  std::string type;
  std::string asked;  // "drops", "keeps" or "of_the_rest"
  std::string says;   // "Keeps traces that take longer than 2s."
  std::vector<std::string> warnings;
};

struct PoliciesInForce {
  std::string summary;                  // "3 policies, decided 10s after a trace's first span"
  std::vector<PolicyInForce> policies;  // in the order in which they are asked; none: every trace is kept
  std::vector<std::string> notes;
};

// `metrics` outlives the router.
void add_policy_routes(net::HttpRouter& router, const base::Metrics& metrics, PoliciesInForce policies);

}  // namespace backstitch::api
