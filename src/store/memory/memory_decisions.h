// Decisions in memory, for tests: the batches as they came, every answer worked out by looking at all of them. What the
// other stores of decisions are compared with.
#pragma once

#include <memory>

#include "store/contract/decision_store.h"

namespace backstitch::store {

// Bounded by memory alone. Each batch is a unit of retention.
std::unique_ptr<DecisionStore> make_memory_decisions();

}  // namespace backstitch::store
