#include "query/engine.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "query/search_run.h"
#include "store/contract/join.h"

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

// Each reader's answer, or the first error.
template <typename Answer, typename Ask>
Result<std::vector<Answer>> ask_all(const std::vector<store::TraceReader*>& readers, const Ask& ask) {
  std::vector<Answer> answers;
  for (store::TraceReader* reader : readers) {
    Result<Answer> answer = ask(*reader);
    if (!answer) return std::unexpected(std::move(answer.error()));
    answers.push_back(std::move(*answer));
  }
  return answers;
}

// The readers' sorted answers as one, each answer once.
template <typename Item, typename Ask>
Result<std::vector<Item>> merge(const std::vector<store::TraceReader*>& readers, const Ask& ask) {
  auto lists = ask_all<std::vector<Item>>(readers, ask);
  if (!lists) return std::unexpected(std::move(lists.error()));
  return store::join_lists(std::move(*lists));
}

// What is found may lack a part, and what is not found may be with those who are missing.
void tell_missing(const Missing& missing, std::vector<Result<model::Trace>>& traces) {
  if (missing.empty()) return;
  for (Result<model::Trace>& trace : traces) {
    if (trace) {
      trace->is_partial = true;
    } else if (trace.error().code == base::Errc::NotFound) {
      trace.error().message += fmt::format(" here; {} did not answer", names_of(missing));
    }
  }
}

}  // namespace

// The readers here, in their order, then the other nodes: those are asked once for all of the question, so that it
// waits for a dead one once.
class Engine::Asked {
 public:
  explicit Asked(const Engine& engine)
      : readers_(engine.readers_), peers_(engine.peers_ == nullptr ? nullptr : engine.peers_->begin()) {
    if (peers_) readers_.push_back(peers_.get());
  }

  const std::vector<store::TraceReader*>& readers() const { return readers_; }
  Missing missing() const { return peers_ ? peers_->missing() : Missing(); }
  void tell(Missing* missing) const {
    if (missing != nullptr) *missing = this->missing();
  }

 private:
  std::vector<store::TraceReader*> readers_;
  std::unique_ptr<store::PeerQuestion> peers_;
};

Engine::Engine(std::vector<store::TraceReader*> readers, const base::Clock& clock, base::Metrics& metrics,
               store::ErrorOriginReader* errors, store::SdkLossReader* losses, store::Peers* peers)
    : readers_(std::move(readers)),
      clock_(clock),
      find_latency_(latency_of(metrics, "find")),
      search_latency_(latency_of(metrics, "search")),
      metrics_latency_(latency_of(metrics, "metrics")),
      names_latency_(latency_of(metrics, "names")),
      errors_latency_(latency_of(metrics, "errors")),
      losses_latency_(latency_of(metrics, "losses")),
      errors_(errors),
      losses_(losses),
      peers_(peers) {}

Result<std::vector<model::ErrorOriginRow>> Engine::error_origins(const model::ErrorOriginQuery& query) {
  if (errors_ == nullptr) return base::fail(base::Errc::Unsupported, "no ledger of errors is kept here");
  const Stopwatch stopwatch(clock_, errors_latency_);
  return errors_->error_origins(query);
}

Result<std::vector<model::SdkLossRow>> Engine::sdk_losses(const model::SdkLossQuery& query) {
  if (losses_ == nullptr) return base::fail(base::Errc::Unsupported, "nobody listens here to what SDKs lost");
  const Stopwatch stopwatch(clock_, losses_latency_);
  return losses_->sdk_losses(query);
}

std::vector<Result<model::Trace>> Engine::find_all(std::span<const model::TraceId> ids, Missing* missing) {
  const Stopwatch stopwatch(clock_, find_latency_);
  const Asked asked(*this);
  auto traces = find_trees(asked.readers(), ids);
  tell_missing(asked.missing(), traces);
  asked.tell(missing);
  return traces;
}

Result<model::Trace> Engine::find(const model::TraceId& id, Missing* missing) {
  return std::move(find_all(std::span(&id, 1), missing).front());
}

Result<FoundTraces> Engine::search(const Search& search) {
  const Asked asked(*this);
  return this->search(search, asked);
}

Result<FoundTraces> Engine::search(const Search& search, const Asked& asked) {
  const Stopwatch stopwatch(clock_, search_latency_);
  Search held = search;
  held.limit = std::min(search.limit, kLimitMax);
  auto found = SearchRun(asked.readers(), clock_, held).run();
  if (!found) return found;
  found->missing = asked.missing();
  found->is_partial = found->is_partial || !found->missing.empty();
  return found;
}

Result<WholeTraces> Engine::search_whole(const Search& search) {
  const Asked asked(*this);
  const auto found = this->search(search, asked);
  if (!found) return std::unexpected(found.error());
  WholeTraces whole{.traces = {}, .is_partial = found->is_partial, .missing = found->missing};
  std::vector<model::TraceId> ids;
  for (const store::FoundTrace& one : found->traces) ids.push_back(one.summary.id);
  if (ids.empty()) return whole;
  const Stopwatch stopwatch(clock_, find_latency_);
  auto traces = find_trees(asked.readers(), ids);
  whole.missing = asked.missing();
  whole.is_partial = whole.is_partial || !whole.missing.empty();
  tell_missing(whole.missing, traces);
  for (Result<model::Trace>& trace : traces) {
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

Result<Metrics> Engine::metrics(const store::MetricsQuery& query) {
  const Stopwatch stopwatch(clock_, metrics_latency_);
  const Asked asked(*this);
  traceql::MetricsPartial all(query.plan);
  bool is_partial = false;
  for (store::TraceReader* reader : asked.readers()) {
    const auto part = reader->metrics(query);
    if (!part) return std::unexpected(part.error());
    all.merge(part->series);
    is_partial = is_partial || part->is_partial;
  }
  Metrics result{all.finish(), asked.missing()};
  result.is_partial = result.is_partial || is_partial || !result.missing.empty();
  return result;
}

Result<store::StoreStats> Engine::stats(Missing* missing) {
  const Stopwatch stopwatch(clock_, names_latency_);
  const Asked asked(*this);
  auto parts = ask_all<store::StoreStats>(asked.readers(), [](store::TraceReader& reader) { return reader.stats(); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  asked.tell(missing);
  store::StoreStats all;
  for (store::StoreStats& part : *parts) store::add_stats(std::move(part), all);
  return all;
}

Result<std::vector<std::string>> Engine::services(Missing* missing) {
  const Stopwatch stopwatch(clock_, names_latency_);
  const Asked asked(*this);
  auto services = merge<std::string>(asked.readers(), [](store::TraceReader& reader) { return reader.services(); });
  asked.tell(missing);
  return services;
}

Result<std::vector<store::Operation>> Engine::operations(const std::string& service, Missing* missing) {
  const Stopwatch stopwatch(clock_, names_latency_);
  const Asked asked(*this);
  auto operations =
      merge<store::Operation>(asked.readers(), [&](store::TraceReader& reader) { return reader.operations(service); });
  asked.tell(missing);
  return operations;
}

Result<std::vector<store::AttributeName>> Engine::attribute_names(uint32_t limit, Missing* missing) {
  const Stopwatch stopwatch(clock_, names_latency_);
  const Asked asked(*this);
  auto names = merge<store::AttributeName>(asked.readers(),
                                           [&](store::TraceReader& reader) { return reader.attribute_names(limit); });
  if (names && names->size() > limit) names->resize(limit);
  asked.tell(missing);
  return names;
}

Result<std::vector<std::string>> Engine::attribute_values(const store::AttributeName& name, uint32_t limit,
                                                          Missing* missing) {
  const Stopwatch stopwatch(clock_, names_latency_);
  const Asked asked(*this);
  auto values = ask_all<std::vector<std::string>>(
      asked.readers(), [&](store::TraceReader& reader) { return reader.attribute_values(name, limit); });
  if (!values) return std::unexpected(std::move(values.error()));
  asked.tell(missing);
  return store::join_values(std::move(*values), limit);
}

}  // namespace backstitch::query
