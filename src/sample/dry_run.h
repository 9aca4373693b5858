// Two policy sets on the same recorded traffic, compared: what each keeps, by which policies, what would be lost and
// what would be new. Nothing but values in and out.
//
//   const DryRun run = compare(traffic, as_decided(traffic), replay(plan, traffic));
//   run.lost.with_errors        // failed traces that are kept now and would be dropped
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ids.h"
#include "sample/replay.h"

namespace backstitch::sample {

struct DryRunAmount {
  uint64_t traces = 0;
  uint64_t spans = 0;
  uint64_t bytes = 0;  // as OTLP protobuf
};

// Of all traffic, by the weights of what was recorded.
struct DryRunEstimate {
  double traces = 0;
  double spans = 0;
  double bytes = 0;
};

// Among the traces that were judged. `decided` is the first vote; `alone` counts kept traces that no other policy
// voted for.
struct DryRunPolicy {
  std::string name;
  uint64_t decided = 0;
  uint64_t voted = 0;
  uint64_t alone = 0;
};

struct DryRunSide {
  DryRunAmount kept;
  DryRunEstimate estimated;
  std::vector<DryRunPolicy> policies;  // as the replay has them
};

struct DryRunTrace {
  model::TraceId id;
  std::string service;  // of the root, or of the earliest span
  std::string operation;
  base::Timestamp start;
  base::Duration duration{0};
  uint32_t span_count = 0;
  uint32_t error_count = 0;
  bool is_slow = false;
  std::string policy;  // that keeps it, on the side that does; "" where none is known
};

struct DryRunChange {
  uint64_t traces = 0;
  uint64_t with_errors = 0;
  uint64_t slow = 0;  // of those without errors
  // Those with errors first, then slow ones, then the rest; within each the longest first.
  std::vector<DryRunTrace> examples;
};

struct DryRunOptions {
  size_t examples_max = 10;
};

struct DryRun {
  DryRunAmount traffic;
  DryRunEstimate estimated;  // equals `traffic` where every weight is 1
  bool is_weighted = false;  // some trace stands for several
  uint64_t with_errors = 0;
  base::Timestamp start;        // earliest of all spans
  base::Timestamp end;          // latest
  base::Duration slow_from{0};  // what one trace in a hundred takes, or more
  DryRunSide now;
  DryRunSide then;
  DryRunChange lost;    // kept now
  DryRunChange gained;  // dropped now
};

// The replays' outcomes are beside the traffic (asserted). O(traces × policies + lost and gained).
DryRun compare(std::span<const RecordedTrace> traffic, const Replay& now, const Replay& then,
               const DryRunOptions& options = {});

}  // namespace backstitch::sample
