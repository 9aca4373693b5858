// The policies of a configuration as the native API tells them.
#pragma once

#include "api/native/policies.h"
#include "app/config.h"

namespace backstitch::app {

// None where every trace is kept.
api::PoliciesInForce policies_in_force(const Config& config);

}  // namespace backstitch::app
