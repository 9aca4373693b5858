// What can be asked of anything that holds traces: the open ones in memory and log, the sealed ones in a store,
// another node. `query` merges any number of these.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/feature_plan.h"
#include "model/trace.h"
#include "traceql/filter.h"

namespace backstitch::store {

struct TimeRange {
  model::Timestamp from;            // inclusive
  model::Timestamp to{UINT64_MAX};  // inclusive
  bool contains(model::Timestamp at) const { return from <= at && at <= to; }
};

// A question for fragments: filter and range are held against each fragment by itself, so a reader needs to join
// nothing to answer. A filter whose conditions hold on one span loses nothing by that; conditions of
// Filter::any_span that hold in different fragments of one trace do not meet.
struct TraceQuery {
  traceql::Filter filter;
  TimeRange start;      // of the fragment's earliest span
  uint32_t limit = 20;  // of traces; 0 finds nothing
};

// `traces` are matching fragments, whole, at most one for each trace: the one with the latest start, of several the
// one covered furthest. Latest start first, ties by id.
struct SearchResult {
  std::vector<model::Trace> traces;
  bool is_partial = false;  // a bound ended the search early, or a stored trace could not be read
};

struct Operation {
  std::string name;
  model::SpanKind kind = model::SpanKind::Unspecified;

  auto operator<=>(const Operation&) const = default;
};

struct AttributeName {
  model::AttributeLevel level = model::AttributeLevel::Span;
  std::string name;

  auto operator<=>(const AttributeName&) const = default;
};

// Thread-safe. Answers are sorted and without repeats. Errors: Io, Corrupt, Unavailable.
class TraceReader {
 public:
  virtual ~TraceReader() = default;
  // All fragments of the trace joined, or NotFound.
  virtual base::Result<model::Trace> find(const model::TraceId& id) = 0;
  // Traces that cannot be read do not fail the others: they are counted and left out.
  virtual base::Result<SearchResult> search(const TraceQuery& query) = 0;
  // Names and values, here and below, may go on after the traces that brought them, and readers may bound how many
  // and how long ones they note (counted).
  virtual base::Result<std::vector<std::string>> services() = 0;
  // Of all services where `service` is empty.
  virtual base::Result<std::vector<Operation>> operations(const std::string& service) = 0;
  virtual base::Result<std::vector<AttributeName>> attribute_names(uint32_t limit) = 0;
  // Values as text, the most frequent lately first, ties by text; arrays, key-value lists and bytes are left out.
  virtual base::Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) = 0;
};

}  // namespace backstitch::store
