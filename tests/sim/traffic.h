// What clients send: traces whose spans come in any order, some much later than the others, some never; in requests
// that carry spans of several traces. All of it follows from a seed.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "model/ids.h"

namespace backstitch::sim {

struct PlannedSpan {
  uint32_t trace = 0;  // index
  model::SpanId id;
  model::SpanId parent;
  base::Timestamp start;
  base::Timestamp end;
  bool is_error = false;
  uint32_t padding_bytes = 0;
  base::Duration due{0};  // since the begin of the run
};

struct TrafficOptions {
  uint32_t traces = 40;
  base::Duration over = std::chrono::seconds(30);      // in which traces begin
  base::Duration late_max = std::chrono::seconds(60);  // how late a late span comes
  double late = 0.15;                                  // of spans
  double errors = 0.12;                                // of traces; so with the next
  double slow = 0.1;
  uint32_t spans_max = 8;  // of a trace
};

class Traffic {
 public:
  Traffic(const TrafficOptions& options, base::Random& random);

  const std::vector<model::TraceId>& traces() const { return traces_; }
  // Spans that are due at `now` and were not taken, as numbers of spans(); at most `max`, in random order.
  std::vector<uint32_t> take_due(base::Duration now, size_t max, base::Random& random);
  bool is_over() const { return waiting_.empty(); }
  const std::vector<PlannedSpan>& spans() const { return spans_; }
  // As an OTLP request.
  std::string request(const std::vector<uint32_t>& spans) const;

 private:
  void plan_trace(const TrafficOptions& options, base::Random& random);

  std::vector<model::TraceId> traces_;
  std::vector<PlannedSpan> spans_;
  std::vector<uint32_t> waiting_;  // the earliest due last
};

}  // namespace backstitch::sim
