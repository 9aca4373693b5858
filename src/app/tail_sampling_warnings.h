// Where a `tail_sampling:` block does something else than its words suggest: what the Collector 0.161 does, and what
// differs here. Facts are read in the processor's source.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "sample/policy.h"

namespace backstitch::app {

// Asked policy by policy. What holds for several alike is said once, at the first that is asked about.
class PolicyWarnings {
 public:
  explicit PolicyWarnings(const sample::PolicySet& set) : set_(set) {}  // borrowed

  // Of the policy at `index`, those inside it included.
  std::vector<std::string> of(size_t index);

 private:
  const sample::PolicySet& set_;
  std::set<std::string> said_;
};

// Of the block's own keys.
std::vector<std::string> block_warnings(const sample::PolicySet& set);

}  // namespace backstitch::app
