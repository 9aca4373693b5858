// A store in memory, for tests: decoded fragments in a map, every answer worked out by looking at all of them. Simple
// enough to be right, so it is what the other stores are compared with.
#pragma once

#include <memory>

#include "store/contract/trace_store.h"

namespace backstitch::store {

// Bounded by memory alone.
std::unique_ptr<TraceStore> make_memory_store();

}  // namespace backstitch::store
