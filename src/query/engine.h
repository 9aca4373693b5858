// Protocol-neutral questions over any set of readers, joined: fragments of one trace become one, a trace that is
// being sealed is seen once. The skins in `api` translate to and from this.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "query/search.h"
#include "store/contract/error_origin_reader.h"
#include "store/contract/trace_reader.h"

namespace backstitch::query {

struct WholeTraces {
  std::vector<model::Trace> traces;  // spans in tree order; newest start first, ties by id
  bool is_partial = false;
};

// Thread-safe; the same data gives the same answer. A reader's error is the answer's. The readers outlive it and are
// asked in their order; one that a trace moves *from* stands before the one that it moves *to* (open before sealed), so
// that no move hides a trace.
class Engine {
 public:
  static constexpr uint32_t kLimitMax = 1500;

  // `errors` is the ledger to ask for error origins; null where there is none.
  Engine(std::vector<store::TraceReader*> readers, const base::Clock& clock, base::Metrics& metrics,
         store::ErrorOriginReader* errors = nullptr);

  // Beside the ids, each with its spans in tree order, or NotFound; one that cannot be read does not fail the others.
  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids);
  // find_all() of one.
  base::Result<model::Trace> find(const model::TraceId& id);
  // A trace is found by any of its fragments that matches (see store::TraceQuery) and then held against the query as a
  // whole, which also gives its place. Pages neither repeat nor leave out a trace that was there all the time.
  base::Result<FoundTraces> search(const Search& search);
  // What search() finds, loaded.
  base::Result<WholeTraces> search_whole(const Search& search);
  // A trace that moves from one reader to the next while they are asked may count twice.
  base::Result<traceql::MetricsResult> metrics(const store::MetricsQuery& query);

  base::Result<std::vector<std::string>> services();
  base::Result<std::vector<store::Operation>> operations(const std::string& service);
  base::Result<std::vector<store::AttributeName>> attribute_names(uint32_t limit);
  // Each reader's most frequent first, in turns.
  base::Result<std::vector<std::string>> attribute_values(const store::AttributeName& name, uint32_t limit);
  // Of sealed traces, most frequent first. Unsupported where no ledger is kept.
  base::Result<std::vector<model::ErrorOriginRow>> error_origins(const model::ErrorOriginQuery& query);
  // Of the readers that keep something on disk, one after the other.
  base::Result<store::StoreStats> stats();

 private:
  std::vector<store::TraceReader*> readers_;
  const base::Clock& clock_;
  base::DurationHistogram& find_latency_;
  base::DurationHistogram& search_latency_;
  base::DurationHistogram& metrics_latency_;
  base::DurationHistogram& names_latency_;
  base::DurationHistogram& errors_latency_;
  store::ErrorOriginReader* const errors_;
};

}  // namespace backstitch::query
