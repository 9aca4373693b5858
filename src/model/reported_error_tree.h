// What a span's event `backstitch.error_tree` says (docs/spec/error-tree.md, "Two verdicts on one call" and "Unsampled
// failures"). wire/error_tree reads it from the event's attributes, analyze makes trees of it, and neither knows the
// other: who has both hands this from the one to the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "model/error_tree.h"

namespace backstitch::model {

struct ReportedErrorTree {
  size_t span = 0;                                   // index into the trace's spans
  ErrorTree tree;                                    // as the service of that span answered; not empty
  std::optional<std::chrono::nanoseconds> lateness;  // the span's end less the end of its budget
  std::optional<bool> committed;                     // whether a side effect happened, where the service says so
};

}  // namespace backstitch::model
