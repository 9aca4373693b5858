// Questions over many traces and their answers: search by TraceQL, and metrics over spans.
//
// Both are held against each fragment by itself, so a reader needs to join nothing to answer; whoever asks several
// readers, or one that has fragments of a trace in several places, looks at the whole trace again (query::Engine does).
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/trace.h"
#include "traceql/evaluate.h"
#include "traceql/metrics.h"
#include "traceql/query.h"

namespace backstitch::store {

struct TimeRange {
  model::Timestamp from;            // inclusive
  model::Timestamp to{UINT64_MAX};  // inclusive
  bool contains(model::Timestamp at) const { return from <= at && at <= to; }
};

// Where a trace or fragment stands among the answers of a search: latest start first, ties by id.
struct Place {
  model::Timestamp start;
  model::TraceId id;

  bool operator==(const Place&) const = default;
  // "Comes before".
  bool operator<(const Place& other) const { return start != other.start ? other.start < start : id < other.id; }
};

// What a question may cost. At a bound the answer ends with what was found, marked partial and counted.
struct SearchBudget {
  uint64_t bytes_max = 2ULL << 30;  // read from disk or log, before decompression
  base::Duration time_max = std::chrono::seconds(30);
  std::stop_token stop;  // nobody waits for the answer any more
};

struct TraceQuery {
  traceql::Query query;        // no metrics stage
  TimeRange start;             // of the fragment's earliest span
  std::optional<Place> after;  // only fragments that come after it: the way to the next page
  uint32_t limit = 20;         // of traces; 0 finds nothing
  uint32_t spans_max = 3;      // matched spans told of each trace
  SearchBudget budget;

  bool takes(const Place& fragment) const { return start.contains(fragment.start) && (!after || *after < fragment); }
};

struct FoundSpan {
  model::SpanId span_id;
  std::string service;
  std::string name;
  model::Timestamp start;
  model::Duration duration{0};
  model::Attributes attributes;  // what the query compares or selects, and what by() and aggregates made of it

  bool operator==(const FoundSpan&) const = default;
};

struct FoundTrace {
  model::TraceSummary summary;  // of the matching fragment
  uint32_t matched_spans = 0;
  std::vector<FoundSpan> spans;  // the first in tree order, at most spans_max

  bool operator==(const FoundTrace&) const = default;
};

// Matching fragments, at most one for each trace: the one with the latest start, of several the one covered furthest.
// By Place, of the fragment.
struct SearchResult {
  std::vector<FoundTrace> traces;
  bool is_partial = false;  // a bound ended the search early, or a stored trace could not be read
};

// Holds a trace, or a fragment of one, against a query; nothing if it does not match. Sorts a trace that does as a
// tree. The slow way that is always right: for readers that have the whole trace at hand.
std::optional<FoundTrace> find_in(model::Trace& trace, const traceql::Evaluator& evaluator, uint32_t spans_max);

struct MetricsQuery {
  traceql::Query query;       // with a metrics stage
  traceql::MetricsPlan plan;  // made from it: which spans, by their start, and in which steps
  SearchBudget budget;
};

struct MetricsResult {
  traceql::MetricsPartial series;
  bool is_partial = false;
};

}  // namespace backstitch::store
