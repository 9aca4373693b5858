// Protocol-neutral questions over any set of readers, joined: fragments of one trace become one, a trace that is
// being sealed is seen once, parts of it on several nodes too. The skins in `api` translate to and from this.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "query/search.h"
#include "store/contract/error_origin_reader.h"
#include "store/contract/peers.h"
#include "store/contract/sdk_loss_reader.h"
#include "store/contract/trace_reader.h"

namespace backstitch::query {

struct WholeTraces {
  std::vector<model::Trace> traces;  // spans in tree order; newest start first, ties by id
  bool is_partial = false;           // also where somebody is missing
  Missing missing;
};

struct Metrics : traceql::MetricsResult {
  Missing missing;
};

// Thread-safe; the same data gives the same answer. A reader's error is the answer's. The readers outlive it and are
// asked in their order; one that a trace moves *from* stands before the one that it moves *to* (open before sealed), so
// that no move hides a trace.
class Engine {
 public:
  static constexpr uint32_t kLimitMax = 1500;

  // `errors` is the ledger to ask for error origins, `losses` whom to ask what SDKs lost, `peers` the other nodes; null
  // where there is none.
  Engine(std::vector<store::TraceReader*> readers, const base::Clock& clock, base::Metrics& metrics,
         store::ErrorOriginReader* errors = nullptr, store::SdkLossReader* losses = nullptr,
         store::Peers* peers = nullptr);

  // `missing`, here and below: gets the nodes that did not answer, where it is not null. What the others know is
  // answered all the same.

  // Beside the ids, each with its spans in tree order, or NotFound; one that cannot be read does not fail the others.
  // Where somebody is missing each trace is partial: a part of it may be there.
  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids, Missing* missing = nullptr);
  // find_all() of one.
  base::Result<model::Trace> find(const model::TraceId& id, Missing* missing = nullptr);
  // A trace is found by any of its fragments that matches (see store::TraceQuery) and then held against the query as a
  // whole, which also gives its place. Pages neither repeat nor leave out a trace that was there all the time.
  base::Result<FoundTraces> search(const Search& search);
  // What search() finds, loaded.
  base::Result<WholeTraces> search_whole(const Search& search);
  // A trace that moves from one reader to the next while they are asked may count twice.
  base::Result<Metrics> metrics(const store::MetricsQuery& query);

  base::Result<std::vector<std::string>> services(Missing* missing = nullptr);
  base::Result<std::vector<store::Operation>> operations(const std::string& service, Missing* missing = nullptr);
  base::Result<std::vector<store::AttributeName>> attribute_names(uint32_t limit, Missing* missing = nullptr);
  // Each reader's most frequent first, in turns.
  base::Result<std::vector<std::string>> attribute_values(const store::AttributeName& name, uint32_t limit,
                                                          Missing* missing = nullptr);
  // Of this node's sealed traces, most frequent first. Unsupported where no ledger is kept.
  base::Result<std::vector<model::ErrorOriginRow>> error_origins(const model::ErrorOriginQuery& query);
  // What SDKs told this node that they lost since it started, most spans first. Unsupported where nobody listens.
  base::Result<std::vector<model::SdkLossRow>> sdk_losses(const model::SdkLossQuery& query);
  // Of the readers that keep something on disk, summed up.
  base::Result<store::StoreStats> stats(Missing* missing = nullptr);

 private:
  // Whom one question is put to.
  class Asked;
  base::Result<FoundTraces> search(const Search& search, const Asked& asked);

  std::vector<store::TraceReader*> readers_;
  const base::Clock& clock_;
  base::DurationHistogram& find_latency_;
  base::DurationHistogram& search_latency_;
  base::DurationHistogram& metrics_latency_;
  base::DurationHistogram& names_latency_;
  base::DurationHistogram& errors_latency_;
  base::DurationHistogram& losses_latency_;
  store::ErrorOriginReader* const errors_;
  store::SdkLossReader* const losses_;
  store::Peers* const peers_;
};

}  // namespace backstitch::query
