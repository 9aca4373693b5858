// Plans traces: which spans there are, who called whom, what fails or drags, and when everything happens. Children
// lie inside their parents, except receivers of messages, which start after the sending span and run on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/gen/shop.h"
#include "base/random.h"
#include "base/time.h"
#include "model/ids.h"

namespace backstitch::app::gen {

constexpr size_t kTraceSpansMax = 60;

struct PlannedSpan {
  uint16_t operation = 0;
  uint16_t parent = UINT16_MAX;  // index; UINT16_MAX: the root
  uint16_t subtree_end = 0;      // its descendants are those behind it up to here
  CallMode mode = CallMode::Sequential;
  bool is_error = false;
  bool has_exception = false;
  bool is_retry = false;  // the call before it failed, and this is the second try
  uint16_t http_status = 200;
  uint16_t grpc_status = 0;
  uint64_t id = 0;
  int64_t start = 0;  // nanoseconds from the trace's start
  int64_t end = 0;
  int64_t delay = 0;  // planted
};

struct PlannedTrace {
  model::TraceId id;
  TraceValues values;
  std::vector<PlannedSpan> spans;  // each after its parent
  int64_t duration = 0;            // to the latest end
  bool is_slow = false;            // one span was given seconds
  uint32_t error_count = 0;
};

// Reuses its memory from trace to trace. The stream of traces depends on the seed alone.
class TracePlanner {
 public:
  TracePlanner(std::shared_ptr<const Shop> shop, uint64_t seed);

  // Valid until the next call.
  const PlannedTrace& plan();
  base::Random& random() { return random_; }

 private:
  void grow(uint16_t operation, uint16_t parent, CallMode mode);
  void plant_faults();
  void fail(size_t origin);
  bool plant_retry(size_t index);
  int64_t schedule(size_t index, int64_t start);
  int64_t own_time(const Operation& operation);

  std::shared_ptr<const Shop> shop_;
  base::Random random_;
  std::vector<uint16_t> entries_;  // operations, each as often as its weight says
  std::vector<float> spread_;      // quantiles of the log-normal factor on latencies
  PlannedTrace trace_;
};

}  // namespace backstitch::app::gen
