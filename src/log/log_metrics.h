// What /metrics shows of the log.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/counters.h"
#include "base/result.h"

namespace backstitch::log {

struct LogMetrics {
  explicit LogMetrics(base::Metrics& metrics);

  // A request that could not be logged, by its reason.
  base::Counter& refused(const base::Error& error);

  base::Counter& records;
  base::Counter& bytes;
  base::Counter& corrupt_records;
  base::Counter& corrupt_reads;
  base::Counter& torn_bytes;
  base::Counter& damaged_segments;
  base::Counter& syncs;
  base::Counter& sync_failures;
  base::Counter& file_failures;
  base::Counter& refused_no_space;
  base::Counter& refused_io;
  base::Counter& refused_too_large;
  base::Counter& refused_other;

  // Shared with the gauges, which may be read after the log is gone.
  struct Gauges {
    std::atomic<uint64_t> live_bytes{0};
    std::atomic<uint64_t> live_segments{0};
    std::atomic<uint64_t> free_segments{0};
  };
  std::shared_ptr<Gauges> gauges;
};

}  // namespace backstitch::log
