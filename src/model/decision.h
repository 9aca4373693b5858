// What tail sampling decided about one fragment of a trace, on what evidence: enough to answer, for any trace id,
// why it was kept or dropped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ids.h"

namespace backstitch::model {

enum class Verdict : uint8_t { Dropped = 0, Kept = 1 };
inline constexpr uint8_t kVerdictMax = 1;

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
inline constexpr uint8_t kDecisionCauseMax = 6;

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

// Spans that followed a decision that was made before they came: the latest one about their trace.
struct LateSpans {
  TraceId id;
  uint32_t count = 0;
  base::Timestamp received;  // the last of them

  bool operator==(const LateSpans&) const = default;
};

// What is decided at one time and becomes one record of the log. `late_spans` come after `decisions`.
struct DecisionBatch {
  std::vector<Decision> decisions;
  std::vector<LateSpans> late_spans;

  bool operator==(const DecisionBatch&) const = default;
};

// The policies that were in force: their names by index, and the text that configured them.
struct PolicySet {
  std::vector<std::string> names;
  std::string text;

  bool operator==(const PolicySet&) const = default;
};

// As stores and the log keep it: times to the millisecond, the duration to the microsecond, cut. What a decision was
// made on is finer; what a person asks of it later is not, and the rest is noise that costs bytes.
inline Decision as_kept(Decision decision) {
  constexpr uint64_t kMillisecond = 1'000'000;
  decision.opened.unix_nanos -= decision.opened.unix_nanos % kMillisecond;
  decision.decided.unix_nanos -= decision.decided.unix_nanos % kMillisecond;
  decision.duration -= decision.duration % std::chrono::microseconds(1);
  return decision;
}

}  // namespace backstitch::model
