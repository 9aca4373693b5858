// The answers of several readers to one question as one answer, that of a reader that holds what all of them hold.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/trace.h"
#include "store/contract/store_stats.h"
#include "store/contract/trace_reader.h"
#include "store/contract/trace_search.h"

namespace backstitch::store {

// Parts of traces, reader by reader.
class TraceJoin {
 public:
  explicit TraceJoin(std::span<const model::TraceId> ids);
  // Beside the ids, as TraceReader::find_all() answers.
  void add(std::vector<base::Result<model::Trace>> parts);
  // Beside the ids. A trace of which some part was Corrupt is partial; any other error but NotFound is the trace's.
  std::vector<base::Result<model::Trace>> finish() &&;

 private:
  std::vector<base::Result<model::Trace>> all_;
  std::vector<std::optional<base::Error>> unreadable_;
};

// The parts that `readers` hold, asked in their order: one that a trace moves from stands before the one that it moves
// to.
std::vector<base::Result<model::Trace>> find_joined(std::span<TraceReader* const> readers,
                                                    std::span<const model::TraceId> ids);

// `limit` is that of the query, which every reader was asked with.
SearchResult join_searches(std::vector<SearchResult> parts, uint32_t limit);

// Sorted lists without repeats become one.
template <typename Item>
std::vector<Item> join_lists(std::vector<std::vector<Item>> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  std::set<Item> all;
  for (std::vector<Item>& part : parts) {
    all.insert(std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  return std::vector<Item>(all.begin(), all.end());
}

// Each part's most frequent first: taken in turns, so that none hides another's.
std::vector<std::string> join_values(std::vector<std::vector<std::string>> parts, uint32_t limit);

// Sums by name; the order is that of StoreStats, levels in that of `into`.
void add_stats(StoreStats from, StoreStats& into);

// Several readers as one, asked one after the other. They outlive it. An error of one is the answer's.
class JoinedReader final : public TraceReader {
 public:
  explicit JoinedReader(std::vector<TraceReader*> readers) : readers_(std::move(readers)) {}

  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override;
  base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override;
  base::Result<SearchResult> search(const TraceQuery& query) override;
  base::Result<MetricsResult> metrics(const MetricsQuery& query) override;
  base::Result<std::vector<std::string>> services() override;
  base::Result<std::vector<Operation>> operations(const std::string& service) override;
  base::Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override;
  base::Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override;
  base::Result<StoreStats> stats() override;

 private:
  // Each reader's answer, or the first error.
  template <typename Answer, typename Ask>
  base::Result<std::vector<Answer>> ask(const Ask& one);

  const std::vector<TraceReader*> readers_;
};

}  // namespace backstitch::store
