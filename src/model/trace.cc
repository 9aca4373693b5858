#include "model/trace.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/hash/hash.h>
#include <algorithm>
#include <cassert>
#include <map>
#include <tuple>

#include "model/unsampled.h"

namespace backstitch::model {
namespace {

using SpanKey = std::pair<SpanId, SpanKind>;

// What two equal resources or scopes have in common and different ones rarely do.
uint64_t hash_of(const Attributes& attributes) {
  uint64_t hash = attributes.size();
  for (const Attribute& attribute : attributes) {
    hash = absl::HashOf(hash, attribute.key, attribute.value.variant().index());
    // Only kinds whose equal values have equal texts.
    const bool is_plain = attribute.value.as<std::string>() != nullptr || attribute.value.as<int64_t>() != nullptr;
    if (is_plain) hash = absl::HashOf(hash, to_text(attribute.value));
  }
  return hash;
}
uint64_t hash_of(const Resource& resource) { return hash_of(resource.attributes); }
uint64_t hash_of(const Scope& scope) { return absl::HashOf(scope.name, scope.version, hash_of(scope.attributes)); }

// Appends to `all` what it doesn't hold yet. Hashed, since a hostile trace brings a resource with each span.
template <typename T>
class Interner {
 public:
  explicit Interner(std::vector<T>& all) : all_(all) {
    for (uint32_t i = 0; i < all.size(); ++i) by_hash_.emplace(hash_of(all[i]), i);
  }
  // The index of something equal to `one`.
  uint32_t index_of(const T& one) {
    const uint64_t hash = hash_of(one);
    const auto [first, last] = by_hash_.equal_range(hash);
    const auto found = std::find_if(first, last, [&](const auto& entry) { return all_[entry.second] == one; });
    if (found != last) return found->second;
    by_hash_.emplace(hash, static_cast<uint32_t>(all_.size()));
    all_.push_back(one);
    return static_cast<uint32_t>(all_.size() - 1);
  }

 private:
  std::vector<T>& all_;
  std::multimap<uint64_t, uint32_t> by_hash_;
};

const Span* pick_root(const Trace& trace) {
  const Span* best = nullptr;
  for (const Span& span : trace.spans) {
    const bool is_better =
        best == nullptr || (span.is_root() == best->is_root() ? is_earlier(span, *best) : span.is_root());
    if (is_better) best = &span;
  }
  return best;
}

}  // namespace

std::string_view to_string(SpanKind kind) {
  constexpr std::string_view names[] = {"unspecified", "internal", "server", "client", "producer", "consumer"};
  const auto index = static_cast<size_t>(kind);
  return index < std::size(names) ? names[index] : names[0];
}

std::string_view to_string(StatusCode code) {
  constexpr std::string_view names[] = {"unset", "ok", "error"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(names) ? names[index] : names[0];
}

std::string Resource::service() const {
  const Value* name = find(attributes, "service.name");
  std::string text = name == nullptr ? "" : to_text(*name);
  return text.empty() ? "unknown_service" : text;
}

bool is_earlier(const Span& a, const Span& b) {
  return std::tie(a.start, a.span_id, a.kind) < std::tie(b.start, b.span_id, b.kind);
}

Timestamp earliest_start(const SpanSet& set) {
  Timestamp earliest;
  for (size_t i = 0; i < set.spans.size(); ++i) {
    if (i == 0 || set.spans[i].start < earliest) earliest = set.spans[i].start;
  }
  return earliest;
}

TraceSummary summarize(const Trace& trace) {
  TraceSummary summary{.id = trace.id, .is_open = trace.is_open};
  if (trace.spans.empty()) return summary;

  absl::flat_hash_set<SpanId> present;
  for (const Span& span : trace.spans) present.insert(span.span_id);

  std::vector<std::string> names;
  for (const Resource& resource : trace.resources) names.push_back(resource.service());
  std::map<std::string, ServiceCount> services;

  summary.start = trace.spans.front().start;
  for (const Span& span : trace.spans) {
    summary.start = std::min(summary.start, span.start);
    summary.end = std::max({summary.end, span.end, span.start});
    ++summary.span_count;
    ServiceCount& service = services[names[span.resource]];
    ++service.span_count;
    if (span.is_error()) {
      ++summary.error_count;
      ++service.error_count;
    }
    const bool has_parent = span.is_root() || present.contains(span.parent_span_id) || is_unsampled(span);
    if (!has_parent) ++summary.orphan_count;
  }
  const Span* root = pick_root(trace);
  summary.root_service = names[root->resource];
  summary.root_operation = root->name;
  for (auto& [name, count] : services) {
    count.service = name;
    summary.services.push_back(std::move(count));
  }
  return summary;
}

namespace {

// A store may have made one of several: what it covers is sealed.
void join_fragments(std::vector<TraceFragment>& into, const std::vector<TraceFragment>& from) {
  into.insert(into.end(), from.begin(), from.end());
  std::ranges::stable_sort(into, std::less(), &TraceFragment::covered_sequence);
  uint64_t sealed_through = 0;
  for (const TraceFragment& one : into) {
    if (!one.is_open()) sealed_through = std::max(sealed_through, one.covered_sequence);
  }
  std::erase_if(into,
                [&](const TraceFragment& one) { return one.is_open() && one.covered_sequence <= sealed_through; });
}

}  // namespace

uint64_t fragment_count(const Trace& trace) {
  uint64_t count = 0;
  for (const TraceFragment& one : trace.fragments) count += one.joined;
  return count;
}

void join(Trace& into, const Trace& from) {
  assert(into.id == from.id);
  join_fragments(into.fragments, from.fragments);
  into.is_open = into.is_open || from.is_open;
  into.is_partial = into.is_partial || from.is_partial;
  std::vector<uint32_t> resources;
  Interner<Resource> known_resources(into.resources);
  for (const Resource& resource : from.resources) resources.push_back(known_resources.index_of(resource));
  std::vector<uint32_t> scopes;
  Interner<Scope> known_scopes(into.scopes);
  for (const Scope& scope : from.scopes) scopes.push_back(known_scopes.index_of(scope));

  absl::flat_hash_set<SpanKey> present;
  for (const Span& span : into.spans) present.insert({span.span_id, span.kind});
  for (const Span& span : from.spans) {
    if (!present.insert({span.span_id, span.kind}).second) continue;
    Span& copy = into.spans.emplace_back(span);
    copy.resource = resources[span.resource];
    copy.scope = scopes[span.scope];
  }
}

void drop_repeats(SpanSet& set) {
  absl::flat_hash_set<SpanKey> present;
  std::erase_if(set.spans, [&](const Span& span) { return !present.insert({span.span_id, span.kind}).second; });
}

void sort_as_tree(Trace& trace) {
  const size_t count = trace.spans.size();
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return is_earlier(trace.spans[a], trace.spans[b]); });

  // Where ids repeat (Zipkin's shared spans), a child hangs below the server's side: that is who called it.
  absl::flat_hash_map<SpanId, size_t> by_id;
  for (const size_t i : order) {
    const auto [slot, inserted] = by_id.try_emplace(trace.spans[i].span_id, i);
    if (!inserted && trace.spans[i].kind == SpanKind::Server) slot->second = i;
  }
  std::vector<std::vector<size_t>> children(count);
  std::vector<size_t> roots;
  for (const size_t i : order) {
    const auto parent = trace.spans[i].is_root() ? by_id.end() : by_id.find(trace.spans[i].parent_span_id);
    if (parent == by_id.end() || parent->second == i) {
      roots.push_back(i);
    } else {
      children[parent->second].push_back(i);
    }
  }

  std::vector<Span> sorted;
  sorted.reserve(count);
  std::vector<bool> taken(count, false);
  const auto walk_from = [&](size_t root) {
    std::vector<size_t> stack{root};
    while (!stack.empty()) {
      const size_t i = stack.back();
      stack.pop_back();
      if (taken[i]) continue;
      taken[i] = true;
      sorted.push_back(std::move(trace.spans[i]));
      stack.insert(stack.end(), children[i].rbegin(), children[i].rend());
    }
  };
  for (const size_t root : roots) walk_from(root);
  for (const size_t i : order) walk_from(i);  // what is left is in cycles: the earliest of each is its root
  trace.spans = std::move(sorted);
}

}  // namespace backstitch::model
