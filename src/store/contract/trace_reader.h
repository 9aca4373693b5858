// What can be asked of anything that holds traces: the open ones in memory and log, the sealed ones in a store,
// another node. `query` merges any number of these.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/feature_plan.h"
#include "model/trace.h"
#include "store/contract/store_stats.h"
#include "store/contract/trace_search.h"

namespace backstitch::store {

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
  // Beside the ids, all fragments of each trace joined, or NotFound; one that cannot be read does not fail the others.
  // A trace of which some fragment cannot be read is partial; Corrupt where none can.
  // What lies together is read together, so one call for several traces costs less than several calls.
  virtual std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) = 0;
  // find_all() of one.
  base::Result<model::Trace> find(const model::TraceId& id) { return std::move(find_all(std::span(&id, 1)).front()); }
  // How many fragments of each trace there are, beside the ids; 0 where it is unknown. Cheap: it reads no spans.
  // Whoever joins readers learns by it which traces a search saw whole.
  virtual base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) = 0;
  // Traces that cannot be read do not fail the others: they are counted and left out.
  virtual base::Result<SearchResult> search(const TraceQuery& query) = 0;
  // Every span of every fragment, a repeated one (retries) once inside its fragment. Traces that cannot be read: as
  // above. Bounds that ended it early make it partial.
  virtual base::Result<MetricsResult> metrics(const MetricsQuery& query) = 0;
  // Names and values, here and below, may go on after the traces that brought them, and readers may bound how many
  // and how long ones they note (counted).
  virtual base::Result<std::vector<std::string>> services() = 0;
  // Of all services where `service` is empty.
  virtual base::Result<std::vector<Operation>> operations(const std::string& service) = 0;
  virtual base::Result<std::vector<AttributeName>> attribute_names(uint32_t limit) = 0;
  // Values as text, the most frequent lately first, ties by text; arrays, key-value lists and bytes are left out.
  virtual base::Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) = 0;
  // Of what it keeps on disk for good; all zeros where that is nothing.
  virtual base::Result<StoreStats> stats() = 0;
};

}  // namespace backstitch::store
