#include "store/embedded/batch.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>
#include <utility>

#include "wire/otlp/earliest_start.h"

namespace backstitch::store::embedded {
namespace {

// By what they cover; of equal ones the last.
using Fragments = std::map<uint64_t, const SealedTrace*>;

SealedTrace join(const Fragments& fragments) {
  SealedTrace joined{.joined = 0};
  for (const auto& [covered, fragment] : fragments) {
    joined.id = fragment->id;
    joined.covered_sequence = covered;
    joined.sealed_at = std::max(joined.sealed_at, fragment->sealed_at);
    joined.otlp += fragment->otlp;
    joined.ended_by = fragment->ended_by;
    joined.joined += fragment->joined;
  }
  return joined;
}

// The traces of the batch, those that come once as they are.
void join_fragments(std::span<const SealedTrace> batch, OrderedBatch& ordered) {
  absl::flat_hash_map<model::TraceId, size_t> first;  // index in ordered.traces
  std::map<size_t, Fragments> several;
  for (const SealedTrace& trace : batch) {
    const auto [at, is_new] = first.emplace(trace.id, ordered.traces.size());
    if (is_new) {
      ordered.traces.push_back(&trace);
      continue;
    }
    Fragments& fragments = several[at->second];
    if (fragments.empty()) fragments.emplace(ordered.traces[at->second]->covered_sequence, ordered.traces[at->second]);
    fragments[trace.covered_sequence] = &trace;
  }
  for (const auto& [index, fragments] : several) {
    if (fragments.size() == 1) {
      ordered.traces[index] = fragments.begin()->second;
    } else {
      ordered.traces[index] = &ordered.joined.emplace_back(join(fragments));
    }
  }
}

}  // namespace

base::Result<OrderedBatch> in_order_of_start(std::span<const SealedTrace> batch) {
  OrderedBatch ordered;
  join_fragments(batch, ordered);
  std::vector<std::pair<model::Timestamp, const SealedTrace*>> by_start;
  for (const SealedTrace* trace : ordered.traces) {
    const auto start = wire::otlp::earliest_start(trace->otlp);
    if (!start) {
      return base::fail(start.error().code, fmt::format("trace {}: {}", trace->id.to_hex(), start.error().message));
    }
    by_start.emplace_back(*start, trace);
  }
  std::ranges::sort(by_start, std::less(), [](const auto& one) { return std::tie(one.first, one.second->id); });
  ordered.traces.clear();
  for (const auto& [start, trace] : by_start) ordered.traces.push_back(trace);
  return ordered;
}

}  // namespace backstitch::store::embedded
