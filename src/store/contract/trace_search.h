// Questions over many traces and their answers: search by TraceQL, and metrics over spans.
//
// Both are held against each fragment by itself, so a reader needs to join nothing to answer; whoever asks several
// readers, or one that has fragments of a trace in several places, looks at the whole trace again (query::Engine does).
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/trace.h"
#include "traceql/metrics.h"
#include "traceql/query.h"

namespace backstitch::store {

struct TimeRange {
  model::Timestamp from;            // inclusive
  model::Timestamp to{UINT64_MAX};  // inclusive
  bool contains(model::Timestamp at) const { return from <= at && at <= to; }
};

// What a question may cost. At a bound the answer ends with what was found, marked partial and counted.
struct SearchBudget {
  uint64_t bytes_max = 2ULL << 30;  // read from disk or log, before decompression
  base::Duration time_max = std::chrono::seconds(30);
  std::stop_token stop;  // nobody waits for the answer any more
};

struct TraceQuery {
  traceql::Query query;  // no metrics stage
  TimeRange start;       // of the fragment's earliest span
  uint32_t limit = 20;   // of traces; 0 finds nothing
  uint32_t spans_max = 3;  // matched spans told of each trace
  SearchBudget budget;
};

struct FoundSpan {
  model::SpanId span_id;
  std::string service;
  std::string name;
  model::Timestamp start;
  model::Duration duration{0};
  model::Attributes attributes;  // what the query compares or selects, and what by() grouped by
};

struct FoundTrace {
  model::TraceSummary summary;  // of the matching fragment
  uint32_t matched_spans = 0;
  std::vector<FoundSpan> spans;  // the first in tree order, at most spans_max
};

// Matching fragments, at most one for each trace: the one with the latest start, of several the one covered furthest.
// Latest start first, ties by id.
struct SearchResult {
  std::vector<FoundTrace> traces;
  bool is_partial = false;  // a bound ended the search early, or a stored trace could not be read
};

struct MetricsQuery {
  traceql::Query query;  // with a metrics stage
  TimeRange span_start;  // of spans; `to` is inclusive here as everywhere
  base::Duration step{0};
  SearchBudget budget;
};

struct MetricsResult {
  traceql::SeriesPartials series;
  bool is_partial = false;
};

}  // namespace backstitch::store
