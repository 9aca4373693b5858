#include "query/engine.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "query/search_run.h"

namespace backstitch::query {
namespace {

using base::Result;

// Records how long a question took, however it ends.
class Stopwatch {
 public:
  Stopwatch(const base::Clock& clock, base::DurationHistogram& histogram)
      : clock_(clock), histogram_(histogram), started_(clock.monotonic()) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { histogram_.record(clock_.monotonic() - started_); }

 private:
  const base::Clock& clock_;
  base::DurationHistogram& histogram_;
  const base::Duration started_;
};

base::DurationHistogram& latency_of(base::Metrics& metrics, const char* op) {
  return metrics.duration("backstitch_query_duration_seconds", "Time to answer a query", {{"op", op}});
}

// The readers' sorted answers as one, each answer once.
template <typename Item, typename Ask>
Result<std::vector<Item>> merge(const std::vector<store::TraceReader*>& readers, const Ask& ask) {
  std::set<Item> all;
  for (store::TraceReader* reader : readers) {
    Result<std::vector<Item>> items = ask(*reader);
    if (!items) return std::unexpected(std::move(items.error()));
    all.insert(std::make_move_iterator(items->begin()), std::make_move_iterator(items->end()));
  }
  return std::vector<Item>(all.begin(), all.end());
}

}  // namespace

Engine::Engine(std::vector<store::TraceReader*> readers, const base::Clock& clock, base::Metrics& metrics,
               store::ErrorOriginReader* errors)
    : readers_(std::move(readers)),
      clock_(clock),
      find_latency_(latency_of(metrics, "find")),
      search_latency_(latency_of(metrics, "search")),
      metrics_latency_(latency_of(metrics, "metrics")),
      names_latency_(latency_of(metrics, "names")),
      errors_latency_(latency_of(metrics, "errors")),
      errors_(errors) {}

Result<std::vector<model::ErrorOriginRow>> Engine::error_origins(const model::ErrorOriginQuery& query) {
  if (errors_ == nullptr) return base::fail(base::Errc::Unsupported, "no ledger of errors is kept here");
  const Stopwatch stopwatch(clock_, errors_latency_);
  return errors_->error_origins(query);
}

std::vector<Result<model::Trace>> Engine::find_all(std::span<const model::TraceId> ids) {
  const Stopwatch stopwatch(clock_, find_latency_);
  return find_joined(readers_, ids);
}

Result<model::Trace> Engine::find(const model::TraceId& id) { return std::move(find_all(std::span(&id, 1)).front()); }

Result<FoundTraces> Engine::search(const Search& search) {
  const Stopwatch stopwatch(clock_, search_latency_);
  Search held = search;
  held.limit = std::min(search.limit, kLimitMax);
  return SearchRun(readers_, clock_, held).run();
}

Result<WholeTraces> Engine::search_whole(const Search& search) {
  const auto found = this->search(search);
  if (!found) return std::unexpected(found.error());
  WholeTraces whole{.traces = {}, .is_partial = found->is_partial};
  std::vector<model::TraceId> ids;
  for (const store::FoundTrace& one : found->traces) ids.push_back(one.summary.id);
  if (ids.empty()) return whole;
  for (Result<model::Trace>& trace : find_all(ids)) {
    if (trace) {
      whole.traces.push_back(std::move(*trace));
    } else if (trace.error().code == base::Errc::Corrupt) {
      whole.is_partial = true;                                // a damaged trace does not fail the others
    } else if (trace.error().code != base::Errc::NotFound) {  // retention may have taken it since
      return std::unexpected(std::move(trace.error()));
    }
  }
  return whole;
}

Result<traceql::MetricsResult> Engine::metrics(const store::MetricsQuery& query) {
  const Stopwatch stopwatch(clock_, metrics_latency_);
  traceql::MetricsPartial all(query.plan);
  bool is_partial = false;
  for (store::TraceReader* reader : readers_) {
    const auto part = reader->metrics(query);
    if (!part) return std::unexpected(part.error());
    all.merge(part->series);
    is_partial = is_partial || part->is_partial;
  }
  traceql::MetricsResult result = all.finish();
  result.is_partial = result.is_partial || is_partial;
  return result;
}

Result<store::StoreStats> Engine::stats() {
  const Stopwatch stopwatch(clock_, names_latency_);
  const auto append = [](auto& to, auto& from) { std::ranges::move(from, std::back_inserter(to)); };
  store::StoreStats all;
  for (store::TraceReader* reader : readers_) {
    auto stats = reader->stats();
    if (!stats) return stats;
    all.totals.blocks += stats->totals.blocks;
    all.totals.traces += stats->totals.traces;
    all.totals.spans += stats->totals.spans;
    all.totals.disk_bytes += stats->totals.disk_bytes;
    all.totals.otlp_bytes += stats->totals.otlp_bytes;
    append(all.columns, stats->columns);
    append(all.services, stats->services);
    append(all.codecs, stats->codecs);
    append(all.levels, stats->levels);
  }
  return all;
}

Result<std::vector<std::string>> Engine::services() {
  const Stopwatch stopwatch(clock_, names_latency_);
  return merge<std::string>(readers_, [](store::TraceReader& reader) { return reader.services(); });
}

Result<std::vector<store::Operation>> Engine::operations(const std::string& service) {
  const Stopwatch stopwatch(clock_, names_latency_);
  return merge<store::Operation>(readers_, [&](store::TraceReader& reader) { return reader.operations(service); });
}

Result<std::vector<store::AttributeName>> Engine::attribute_names(uint32_t limit) {
  const Stopwatch stopwatch(clock_, names_latency_);
  auto names =
      merge<store::AttributeName>(readers_, [&](store::TraceReader& reader) { return reader.attribute_names(limit); });
  if (names && names->size() > limit) names->resize(limit);
  return names;
}

Result<std::vector<std::string>> Engine::attribute_values(const store::AttributeName& name, uint32_t limit) {
  const Stopwatch stopwatch(clock_, names_latency_);
  // Each reader's most frequent first: taken in turns, so that no reader hides another's.
  std::vector<std::vector<std::string>> answers;
  size_t longest = 0;
  for (store::TraceReader* reader : readers_) {
    auto values = reader->attribute_values(name, limit);
    if (!values) return std::unexpected(std::move(values.error()));
    longest = std::max(longest, values->size());
    answers.push_back(std::move(*values));
  }
  std::vector<std::string> merged;
  std::set<std::string_view> seen;
  for (size_t rank = 0; rank < longest; ++rank) {
    for (const auto& answer : answers) {
      if (merged.size() == limit) return merged;
      if (rank < answer.size() && seen.insert(answer[rank]).second) merged.push_back(answer[rank]);
    }
  }
  return merged;
}

}  // namespace backstitch::query
