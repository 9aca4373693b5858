// The version that `backstitch version` prints and `gen` names itself with.
#pragma once

#include <string_view>

namespace backstitch::app {

constexpr std::string_view kVersion = "0.1.0";

}  // namespace backstitch::app
