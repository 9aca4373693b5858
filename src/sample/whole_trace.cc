#include "sample/whole_trace.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <array>
#include <xxhash.h>

#include "model/digest.h"

namespace backstitch::sample {

std::vector<CallSpan> calls_of(const model::SpanSet& spans) {
  std::vector<uint64_t> service_bits;
  for (const model::Resource& resource : spans.resources)
    service_bits.push_back(model::service_bit(resource.service()));
  std::vector<CallSpan> calls;
  for (const model::Span& span : spans.spans) {
    calls.push_back({.span_id = span.span_id,
                     .parent_span_id = span.parent_span_id,
                     .operation = static_cast<uint32_t>(XXH3_64bits(span.name.data(), span.name.size())),
                     .service_bit = service_bits[span.resource]});
  }
  return calls;
}

bool has_orphan(std::span<const CallSpan> calls) {
  absl::flat_hash_set<model::SpanId> ids;
  for (const CallSpan& call : calls) ids.insert(call.span_id);
  return std::ranges::any_of(calls, [&](const CallSpan& call) {
    return call.parent_span_id.is_valid() && !ids.contains(call.parent_span_id);
  });
}

uint64_t call_shape(std::span<const CallSpan> calls) {
  absl::flat_hash_map<model::SpanId, const CallSpan*> by_id;
  for (const CallSpan& call : calls) {
    // Of spans that share an id, the one that stands in for both must not hang on the order.
    const CallSpan*& known = by_id[call.span_id];
    const auto rank = [](const CallSpan& span) { return std::pair(span.service_bit, span.operation); };
    if (known == nullptr || rank(call) < rank(*known)) known = &call;
  }
  std::vector<uint64_t> edges;
  for (const CallSpan& call : calls) {
    const auto parent = by_id.find(call.parent_span_id);
    const bool has_parent = call.parent_span_id.is_valid() && parent != by_id.end();
    const std::array<uint64_t, 4> edge = {call.service_bit, call.operation,
                                          has_parent ? parent->second->service_bit : 0,
                                          has_parent ? uint64_t{parent->second->operation} : 0};
    edges.push_back(XXH3_64bits(edge.data(), sizeof(edge)));
  }
  std::ranges::sort(edges);
  const auto repeats = std::ranges::unique(edges);
  edges.erase(repeats.begin(), repeats.end());
  return XXH3_64bits(edges.data(), edges.size() * sizeof(uint64_t));
}

}  // namespace backstitch::sample
