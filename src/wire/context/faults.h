// What was wrong with a context and what was done about it, as counts: nothing that is dropped, cut or overruled
// vanishes. Whoever extracts or injects adds them to its metrics, labelled to_string(fault).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace backstitch::wire::context {

enum class Fault : uint8_t {
  TraceparentMalformed,  // the trace is not continued; tracestate is not read
  TracestateMalformed,   // dropped whole; traceparent stands
  TracestateTruncated,   // members left out to meet the limit
  BaggageMalformed,      // members dropped, the others stand
  BaggageTruncated,      // members left out to meet a limit
  B3Malformed,
  JaegerMalformed,
  RacewayMalformed,
  RacewayTooLarge,  // not sent: a clock with entries left out would be another clock
  Disagreement,     // two formats name different traces or spans; the first in order stands
};
inline constexpr size_t kFaultCount = 10;

// "traceparent_malformed", …
std::string_view to_string(Fault fault);

class Faults {
 public:
  void add(Fault fault, uint32_t count = 1) { counts_[static_cast<size_t>(fault)] += count; }
  uint32_t count(Fault fault) const { return counts_[static_cast<size_t>(fault)]; }
  bool any() const { return *this != Faults{}; }
  Faults& operator+=(const Faults& other) {
    for (size_t i = 0; i < kFaultCount; ++i) counts_[i] += other.counts_[i];
    return *this;
  }
  bool operator==(const Faults&) const = default;

 private:
  std::array<uint32_t, kFaultCount> counts_{};
};

}  // namespace backstitch::wire::context
