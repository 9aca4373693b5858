// A number for a policy set, so that decisions, features and budgets can say by which policies they were made.
#pragma once

#include <cstdint>

#include "sample/policy.h"

namespace backstitch::sample {

// XXH3 of what the policies, their order and their names say, of sample_on_first_match and maximum_trace_size_bytes;
// not of lines, windows and caches. Equal on every machine.
uint64_t fingerprint_of(const PolicySet& set);

}  // namespace backstitch::sample
