// A policy set as YAML and JSON, with the keys that tail_sampling_yaml.h reads.
#pragma once

#include <string>

#include "sample/policy.h"

namespace backstitch::app {

// "tail_sampling:\n  decision_wait: 10s\n…"; of policies only what is not the default.
std::string tail_sampling_to_yaml(const sample::PolicySet& set);
// {"decision_wait":"10s",…,"policies":[{"name":…,"type":…}]}
std::string tail_sampling_to_json(const sample::PolicySet& set);

}  // namespace backstitch::app
