// What /metrics shows of a store of decisions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/counters.h"

namespace backstitch::store::decisions {

struct DecisionMetrics {
  // Shown also after the store has ended.
  struct Gauges {
    std::atomic<uint64_t> records, pending, runs, disk_bytes, index_bytes;
  };

  explicit DecisionMetrics(base::Metrics& metrics);

  base::Counter& appended;
  base::Counter& repeats;
  base::Counter& refused;
  base::Counter& reads_failed;
  base::Counter& removed;
  base::Counter& merges;
  const std::shared_ptr<Gauges> gauges = std::make_shared<Gauges>();
};

}  // namespace backstitch::store::decisions
