#include "query/engine.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <tuple>
#include <utility>

namespace backstitch::query {
namespace {

using base::Errc;
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

// The parts of `id` that the readers hold, as one trace in tree order.
Result<model::Trace> find_joined(const std::vector<store::TraceReader*>& readers, const model::TraceId& id) {
  model::Trace joined;
  joined.id = id;
  for (store::TraceReader* reader : readers) {
    auto part = reader->find(id);
    if (part) {
      model::join(joined, *part);
    } else if (part.error().code != Errc::NotFound) {
      return std::unexpected(std::move(part.error()));
    }
  }
  if (joined.spans.empty()) return base::fail(Errc::NotFound, fmt::format("no trace {} is known", id.to_hex()));
  model::sort_as_tree(joined);
  return joined;
}

struct Candidate {
  model::Timestamp start;
  model::TraceId id;

  // Newest first, ties by id.
  bool operator<(const Candidate& other) const { return std::tie(other.start, id) < std::tie(start, other.id); }
};

// The traces of which a reader has a matching fragment, by the newest of these.
class Candidates {
 public:
  void add(const model::Trace& fragment) {
    const model::Timestamp start = model::earliest_start(fragment);
    const auto [slot, inserted] = newest_.try_emplace(fragment.id, start);
    if (!inserted) slot->second = std::max(slot->second, start);
  }
  std::vector<Candidate> newest_first() const {
    std::vector<Candidate> all;
    for (const auto& [id, start] : newest_) all.push_back({start, id});
    std::ranges::sort(all, std::less());
    return all;
  }

 private:
  absl::flat_hash_map<model::TraceId, model::Timestamp> newest_;
};

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

Engine::Engine(std::vector<store::TraceReader*> readers, const base::Clock& clock, base::Metrics& metrics)
    : readers_(std::move(readers)),
      clock_(clock),
      find_latency_(latency_of(metrics, "find")),
      search_latency_(latency_of(metrics, "search")),
      names_latency_(latency_of(metrics, "names")) {}

Result<model::Trace> Engine::find(const model::TraceId& id) {
  const Stopwatch stopwatch(clock_, find_latency_);
  return find_joined(readers_, id);
}

Result<FoundTraces> Engine::search(const Search& search) {
  const Stopwatch stopwatch(clock_, search_latency_);
  const uint32_t limit = std::min(search.limit, kLimitMax);
  FoundTraces found;
  Candidates candidates;
  for (store::TraceReader* reader : readers_) {
    auto result = reader->search({.filter = search.filter, .start = search.start, .limit = limit});
    if (!result) return std::unexpected(std::move(result.error()));
    found.is_partial = found.is_partial || result->is_partial;
    for (const model::Trace& fragment : result->traces) candidates.add(fragment);
  }
  for (const Candidate& candidate : candidates.newest_first()) {
    if (found.traces.size() == limit) break;
    auto trace = find_joined(readers_, candidate.id);
    if (trace) {
      found.traces.push_back(std::move(*trace));
    } else if (trace.error().code != Errc::NotFound) {  // retention may have taken it since
      return std::unexpected(std::move(trace.error()));
    }
  }
  std::ranges::sort(found.traces, std::less(),
                    [](const model::Trace& trace) { return Candidate{model::earliest_start(trace), trace.id}; });
  return found;
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
