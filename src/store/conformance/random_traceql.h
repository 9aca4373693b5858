// TraceQL drawn from a seed, about what random_fragment() makes.
#pragma once

#include <string>

#include "base/random.h"

namespace backstitch::store::conformance {

// A query that traceql::parse takes: filters of all kinds, joined and piped.
std::string random_traceql(base::Random& random);
// One with a metrics stage. What it computes does not depend on the order in which spans are seen.
std::string random_metrics(base::Random& random);

}  // namespace backstitch::store::conformance
