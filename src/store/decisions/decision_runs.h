// Decisions about traces on the local disk: the latest in memory, as the log has them, the rest in sorted immutable
// runs of about 22 bytes a dropped trace. docs/formats/decisions.md has the files, docs/adr/0008-decisions-in-runs.md
// the why.
//
//   auto store = open_decision_runs({.directory = "data/decisions"}, {files, clock, metrics});
//   (*store)->append(batch, sequence);
//   while ((*store)->maintain(stop).value_or(false)) {}   // memory becomes a run, small runs become larger ones
#pragma once

#include <memory>
#include <string>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/time.h"
#include "store/contract/decision_store.h"
#include "store/decisions/merge_choice.h"

namespace backstitch::store {

struct DecisionRunOptions {
  std::string directory;  // made where it is missing, with its parents
  // What is in memory becomes a run when there are so many, or when the first of them has waited so long.
  uint64_t flush_records = 1 << 16;
  base::Duration flush_age = std::chrono::minutes(1);
  uint64_t pending_max = 1 << 18;  // in memory beside those that are being written; about 150 bytes each
  uint32_t page_records = 256;     // 1 to 1024
  decisions::MergeOptions merge;
};

// All outlive the store.
struct DecisionRunEnvironment {
  base::FileSystem& files;
  const base::Clock& clock;
  base::Metrics& metrics;
};

// One process at a time: AlreadyExists where another one uses the directory. Unsupported where another version wrote a
// run; nothing is changed then. A run that is damaged is set aside and counted, and the others answer. Io, NoSpace.
base::Result<std::unique_ptr<DecisionStore>> open_decision_runs(const DecisionRunOptions& options,
                                                                const DecisionRunEnvironment& environment);

}  // namespace backstitch::store
