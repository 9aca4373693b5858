// A trace that shows what a figure is made of: one that is kept, so that who clicks on it finds it.
#pragma once

#include "base/time.h"
#include "model/ids.h"

namespace backstitch::ledger {

struct Exemplar {
  model::TraceId trace;  // all zeros: there is none
  uint64_t nanos = 0;    // what it took
  base::Timestamp at;    // when it ended

  bool is_set() const { return trace.is_valid(); }
  bool operator==(const Exemplar&) const = default;
};

}  // namespace backstitch::ledger
