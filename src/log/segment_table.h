// The live segments by number, and how they end: a segment that nobody references, below the one that takes appends,
// leaves the table, and gives its file back once nobody reads it any more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "log/log_metrics.h"
#include "log/segment.h"
#include "log/segment_directory.h"

namespace backstitch::log {

// Thread-safe. Releases and reads share the lock; only a segment's beginning and end take it alone. Outlives every
// share of a segment.
class SegmentTable {
 public:
  SegmentTable(SegmentDirectory& directory, LogMetrics& metrics) : directory_(directory), metrics_(metrics) {}

  std::shared_ptr<Segment> add(SegmentFile file);
  // Null if it is not live. The file is not recycled while the result is held: hence shared_ptr.
  std::shared_ptr<Segment> find(uint64_t number) const;
  std::vector<std::shared_ptr<Segment>> all() const;
  size_t size() const;
  // Of the oldest segment, by its header; `otherwise` where there is none.
  uint64_t first_sequence(uint64_t otherwise) const;
  // Whether anyone needs a record of any segment.
  bool has_references() const;
  void release(uint64_t number, uint32_t references);
  // Segments below `number` may end; none may before the first call.
  void keep_from(uint64_t number);
  // Ends what may end.
  void reclaim();

 private:
  std::vector<std::shared_ptr<Segment>> take_idle();
  void let_go(Segment* segment);

  SegmentDirectory& directory_;
  LogMetrics& metrics_;
  mutable std::shared_mutex mutex_;
  std::map<uint64_t, std::shared_ptr<Segment>> segments_;  // guarded by mutex_
  uint64_t keep_from_ = 0;                                 // guarded by mutex_
};

}  // namespace backstitch::log
