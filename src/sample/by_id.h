// Which policies say the same on every node that has a part of a trace, since they look at nothing but its id. What
// only they keep is kept everywhere without anybody telling anybody.
#pragma once

#include <cstdint>

#include "sample/policy.h"

namespace backstitch::sample {

// always_sample, probabilistic and baseline, and what `and` and `not` make of these alone.
bool goes_by_id(const Rule& rule);

// As Decision::voted: the policies at the top that look at more than the id.
uint64_t policies_by_evidence(const PolicySet& set);

}  // namespace backstitch::sample
