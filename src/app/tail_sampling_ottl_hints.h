// Where an OTTL condition holds for more spans than its author is likely to have meant.
#pragma once

#include <string>
#include <vector>

#include "sample/policy.h"

namespace backstitch::app {

// The rule's conditions parse.
std::vector<std::string> ottl_hints(const sample::OttlCondition& rule);

}  // namespace backstitch::app
