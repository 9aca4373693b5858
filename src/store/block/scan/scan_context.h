// What a scan over blocks is given from outside, and what it tells /metrics.
#pragma once

#include "base/counters.h"
#include "base/time.h"
#include "base/workers.h"

namespace backstitch::store::block {

// One for each store; shared by all of its scans.
class ScanMetrics {
 public:
  // `metrics` outlives it.
  explicit ScanMetrics(base::Metrics& metrics);

  base::Counter& pages_read;
  base::Counter& bytes_read;        // of pages, as they lie on disk
  base::Counter& groups_scanned;    // row groups of which a column was read
  base::Counter& groups_pruned;     // passed over by what the index and the dictionaries say
  base::Counter& traces_decoded;    // read whole: candidates for the plain evaluator, and what was found
  base::Counter& groups_corrupt;    // left out of an answer
  base::Counter& bounded_by_bytes;  // scans that ended early
  base::Counter& bounded_by_time;
  base::Counter& cancelled;
};

// All are borrowed for the call.
struct ScanContext {
  base::Workers& workers;
  const base::Clock& clock;
  ScanMetrics& metrics;
};

}  // namespace backstitch::store::block
