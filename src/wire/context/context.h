// Everything that travels with a request beside its payload.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/context/baggage.h"
#include "wire/context/span_context.h"

namespace backstitch::wire::context {

struct ClockEntry {
  std::string component;  // "service#instance"
  uint64_t count = 0;

  bool operator==(const ClockEntry&) const = default;
};

// How many events of each component happened before this one, as far as the sender knows. In the sender's order.
using VectorClock = std::vector<ClockEntry>;

// What Raceway's SDKs say beyond the ids.
struct RacewayHop {
  std::string service;
  std::string instance;
  VectorClock clock;

  bool operator==(const RacewayHop&) const = default;
};

struct Context {
  // Three states: a valid span; a trace id alone (X-Raceway-Trace-Id): a root of that trace; or only a sampling
  // decision without ids (B3's `b3: 0`).
  SpanContext span;
  Baggage baggage;
  std::optional<RacewayHop> raceway;

  bool operator==(const Context&) const = default;
};

}  // namespace backstitch::wire::context
