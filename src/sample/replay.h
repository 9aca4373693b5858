// Recorded traffic, judged by a policy set as a server would have judged it then: the half of a dry run that decides.
// dry_run.h compares two of these.
//
//   const Replay then = replay(plan, traffic);     // what these policies make of it
//   const Replay now = as_decided(traffic);        // what was made of it
//   then.outcomes[i].is_kept                       // beside traffic[i]
//
// Time is that of the spans: a trace's window opens when its first span ends and the verdict falls `decision_wait`
// later (or as long after the root's end as the policies say), or at the end of its last span where that is later
// still, since evidence that comes late takes a drop back. Traces are judged in the order of their verdicts, whole,
// with full budgets at the start.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/decision.h"
#include "model/trace.h"
#include "sample/plan.h"

namespace backstitch::sample {

// What was decided about a trace when it came.
struct RecordedDecision {
  model::Verdict verdict = model::Verdict::Kept;
  std::string policy;              // that decided; empty where none did
  std::vector<std::string> voted;  // as the verdict says
};

struct RecordedTrace {
  model::Trace trace;
  uint64_t bytes = 0;  // as OTLP protobuf
  // How many traces of the traffic it stands for: 1 where all were recorded, what its decision says where only those
  // are there that were kept. At least 1.
  double weight = 1;
  std::optional<RecordedDecision> decided;
};

struct ReplayOutcome {
  bool is_kept = false;
  // That these policies keep a trace like this one, whatever its id: 1 or 0 where no chance is in it. A sum of weight ×
  // probability estimates what they keep of all traffic, also where the sample was chosen by the same hash of the ids.
  double probability = 0;
  uint8_t policy = model::Decision::kNoPolicy;  // in Replay::policies: the first that voted as the verdict says
  uint64_t voted = 0;                           // as model::Decision::voted

  bool has_vote_of(size_t index) const { return index < 63 ? (voted >> index & 1) != 0 : policy == index; }
};

struct Replay {
  std::vector<std::string> policies;    // by name
  std::vector<ReplayOutcome> outcomes;  // beside the traffic
  uint64_t failures = 0;                // policies that could not be evaluated
  uint64_t too_large = 0;               // traces beyond maximum_trace_size_bytes
  uint64_t open_max = 0;                // traces whose windows were open at once
};

// O(spans × what the plan asks for).
Replay replay(const std::shared_ptr<const Plan>& plan, std::span<const RecordedTrace> traffic);

// By RecordedTrace::decided; what has no decision was kept by nobody in particular.
Replay as_decided(std::span<const RecordedTrace> traffic);

}  // namespace backstitch::sample
