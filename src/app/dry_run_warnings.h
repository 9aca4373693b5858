// What a reader must know before believing the figures of a dry run.
#pragma once

#include <string>
#include <vector>

#include "sample/dry_run.h"
#include "sample/policy.h"

namespace backstitch::app {

// Borrowed.
struct DryRunFacts {
  const sample::DryRun& run;
  const sample::PolicySet& policies;  // that are tried
  bool needs_whole_traces = false;    // some of them ask for a whole trace
  const sample::Replay& judged;       // by them
  bool is_of_server = false;          // stored traces: what policies left of the traffic
  bool is_of_log = false;             // what a log holds still
  uint64_t open = 0;                  // traces left out, since they are undecided
  uint64_t incomplete = 0;            // traces left out, since a part of them is gone
  uint64_t unread = 0;                // parts of the log
  uint32_t limit = 0;                 // of traces of a server
};

std::vector<std::string> dry_run_warnings(const DryRunFacts& facts);

}  // namespace backstitch::app
