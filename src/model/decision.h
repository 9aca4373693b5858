// What tail sampling decided about one fragment of a trace, on what evidence: enough to answer, for any trace id,
// why it was kept or dropped.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "model/ids.h"

namespace backstitch::model {

enum class Verdict : uint8_t { Dropped = 0, Kept = 1 };

// Why a fragment was decided when it was.
enum class DecisionCause : uint8_t {
  Window = 0,       // its window ended
  EarlyAtCap = 1,   // num_traces or memory was reached
  EarlyAtSize = 2,  // it reached the size or age at which a fragment ends
  Drain = 3,        // the process was told to decide what is open
  Reopened = 4,     // evidence that came later took a drop back
  Person = 5,       // `backstitch keep`
  Peer = 6,         // another node kept the trace
};

struct Decision {
  static constexpr uint8_t kPoliciesMax = 255;
  static constexpr uint8_t kNoPolicy = 0xff;

  TraceId id;
  Verdict verdict = Verdict::Dropped;
  DecisionCause cause = DecisionCause::Window;
  uint8_t policy = kNoPolicy;  // index of the policy that decided, in its policy set; kNoPolicy: none voted for it
  // Bit i: policy i voted as the verdict says; bit 63 stands for all from the 64th on.
  uint64_t voted = 0;
  uint32_t policy_set = 0;  // which policy set: a number that the store gives each set that it has seen
  base::Timestamp opened;   // when the first span was received
  base::Timestamp decided;
  base::Duration duration{0};  // latest end less earliest start
  uint32_t span_count = 0;
  uint32_t error_count = 0;
  uint32_t late_span_count = 0;  // that came after the decision and followed it
  float weight = 1;              // how many traces a kept one stands for

  bool operator==(const Decision&) const = default;
};

}  // namespace backstitch::model
