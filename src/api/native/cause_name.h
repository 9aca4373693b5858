// Why a fragment was decided or sealed when it was, as docs/formats/native-api.md names it. Private to api/native.
#pragma once

#include <fmt/format.h>
#include <iterator>
#include <string_view>

#include "base/result.h"
#include "model/decision.h"

namespace backstitch::api {

// By DecisionCause.
inline constexpr std::string_view kCauses[] = {"window",   "early_at_cap", "early_at_size", "drain",
                                               "reopened", "person",       "peer"};
static_assert(std::size(kCauses) == model::kDecisionCauseMax + 1);

inline std::string_view cause_name(model::DecisionCause cause) { return kCauses[static_cast<size_t>(cause)]; }

inline base::Result<model::DecisionCause> read_cause(std::string_view name) {
  for (size_t i = 0; i < std::size(kCauses); ++i) {
    if (kCauses[i] == name) return static_cast<model::DecisionCause>(i);
  }
  return base::fail(base::Errc::Malformed, fmt::format("\"{}\" is no cause of a decision", name));
}

}  // namespace backstitch::api
