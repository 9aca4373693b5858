// Ids of traces, and waiting, for tests of the path: those whose threads run, and those that go step by step
// (path_testing.h). For tests only.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <thread>

#include "model/trace.h"

namespace backstitch::ingest {

inline model::TraceId trace_id(uint8_t number) {
  model::TraceId id;
  id.bytes[15] = number;
  return id;
}

// Waits until it holds; false where it does not in 20 s.
template <std::predicate Condition>
bool eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace backstitch::ingest
