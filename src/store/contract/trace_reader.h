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
  model::Timestamp from;                               // inclusive
  model::Timestamp to{UINT64_MAX};                     // inclusive
  bool contains(model::Timestamp at) const { return from <= at && at <= to; }
};

struct TraceQuery {
  traceql::Filter filter;
  TimeRange start;  // of the trace's earliest span
  uint32_t limit = 20;
};

// `traces` are fragments or whole traces that match, newest start first, ties by id; at most `limit` of them.
struct SearchResult {
  std::vector<model::Trace> traces;
  bool is_partial = false;  // a bound ended the search early
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
  virtual base::Result<SearchResult> search(const TraceQuery& query) = 0;
  virtual base::Result<std::vector<std::string>> services() = 0;
  // Of all services where `service` is empty.
  virtual base::Result<std::vector<Operation>> operations(const std::string& service) = 0;
  virtual base::Result<std::vector<AttributeName>> attribute_names(uint32_t limit) = 0;
  // Values as text, the most frequent first.
  virtual base::Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) = 0;
};

}  // namespace backstitch::store
