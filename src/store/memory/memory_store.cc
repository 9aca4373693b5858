#include "store/memory/memory_store.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include "wire/otlp/decode.h"

namespace backstitch::store {
namespace {

struct FragmentKey {
  model::TraceId id;
  uint64_t covered_sequence = 0;

  auto operator<=>(const FragmentKey&) const = default;
};

struct Fragment {
  model::Trace trace;
  model::Timestamp start;
  model::Timestamp sealed_at;
  uint64_t size_bytes = 0;
};

base::Result<Fragment> decode(const SealedTrace& sealed) {
  auto trace = wire::otlp::decode_trace(sealed.id, sealed.otlp);
  if (!trace) {
    return base::fail(base::Errc::Malformed, fmt::format("trace {}: {}", sealed.id.to_hex(), trace.error().message));
  }
  if (trace->spans.empty()) {
    return base::fail(base::Errc::Malformed, fmt::format("trace {} comes without a span", sealed.id.to_hex()));
  }
  model::drop_repeats(*trace);
  trace->fragments.push_back({.span_count = static_cast<uint32_t>(trace->spans.size()),
                              .sealed_at = sealed.sealed_at,
                              .ended_by = sealed.ended_by,
                              .joined = sealed.joined,
                              .covered_sequence = sealed.covered_sequence});
  const model::Timestamp start = earliest_start(*trace);
  return Fragment{std::move(*trace), start, sealed.sealed_at, sealed.otlp.size()};
}

bool is_listed(const model::Value& value) {
  return value.as<std::string>() || value.as<bool>() || value.as<int64_t>() || value.as<double>();
}

// Calls `visit(level, attribute)` for every attribute of every span, those of its resource and scope included once
// for each resource and scope.
template <typename Visit>
void for_each_attribute(const model::Trace& trace, const Visit& visit) {
  using model::AttributeLevel;
  const auto all = [&](AttributeLevel level, const model::Attributes& attributes) {
    for (const model::Attribute& attribute : attributes) visit(level, attribute);
  };
  for (const model::Resource& resource : trace.resources) all(AttributeLevel::Resource, resource.attributes);
  for (const model::Scope& scope : trace.scopes) all(AttributeLevel::Scope, scope.attributes);
  for (const model::Span& span : trace.spans) {
    all(AttributeLevel::Span, span.attributes);
    for (const model::Event& event : span.events) all(AttributeLevel::Event, event.attributes);
    for (const model::Link& link : span.links) all(AttributeLevel::Link, link.attributes);
  }
}

template <typename T>
std::vector<T> first_of(const std::set<T>& all, size_t limit) {
  std::vector<T> out(all.begin(), all.end());
  if (out.size() > limit) out.resize(limit);
  return out;
}

class MemoryStore final : public TraceStore {
 public:
  base::Result<> append(std::span<const SealedTrace> batch) override {
    std::vector<Fragment> decoded;
    for (const SealedTrace& sealed : batch) {
      auto fragment = decode(sealed);
      if (!fragment) return std::unexpected(std::move(fragment.error()));
      decoded.push_back(std::move(*fragment));
    }
    const std::unique_lock lock(mutex_);
    for (size_t i = 0; i < batch.size(); ++i) {
      fragments_.insert_or_assign({batch[i].id, batch[i].covered_sequence}, std::move(decoded[i]));
      highest_sequence_ = std::max(highest_sequence_, batch[i].covered_sequence);
    }
    return {};
  }

  base::Result<uint64_t> covered_sequence(const model::TraceId& id, uint64_t /*from*/) override {
    const std::shared_lock lock(mutex_);
    uint64_t covered = 0;
    for_each_of(id, [&](const FragmentKey& key, const Fragment&) { covered = key.covered_sequence; });
    return covered;
  }

  base::Result<uint64_t> highest_sequence() override {
    const std::shared_lock lock(mutex_);
    return highest_sequence_;
  }

  base::Result<uint64_t> remove_sealed_before(model::Timestamp sealed_at, uint32_t max) override {
    return remove_first_sealed(max, [&](const Fragment& fragment) { return fragment.sealed_at < sealed_at; });
  }
  base::Result<uint64_t> remove_oldest(uint32_t max) override {
    return remove_first_sealed(max, [](const Fragment&) { return true; });
  }

  base::Result<bool> maintain(std::stop_token /*stop*/) override { return false; }

  base::Result<std::optional<TimeRange>> time_range() override {
    const std::shared_lock lock(mutex_);
    if (fragments_.empty()) return std::optional<TimeRange>();
    TimeRange range{.from = {UINT64_MAX}, .to = {0}};
    for (const auto& [key, fragment] : fragments_) {
      range.from = std::min(range.from, fragment.start);
      range.to = std::max(range.to, fragment.start);
    }
    return std::optional(range);
  }

  uint64_t disk_bytes() const override {
    const std::shared_lock lock(mutex_);
    uint64_t sum = 0;
    for (const auto& [key, fragment] : fragments_) sum += fragment.size_bytes;
    return sum;
  }

  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
    const std::shared_lock lock(mutex_);
    std::vector<base::Result<model::Trace>> found;
    for (const model::TraceId& id : ids) {
      model::Trace joined;
      joined.id = id;
      for_each_of(id, [&](const FragmentKey&, const Fragment& fragment) { model::join(joined, fragment.trace); });
      if (joined.spans.empty()) {
        found.push_back(base::fail(base::Errc::NotFound, fmt::format("no trace {} is stored", id.to_hex())));
      } else {
        found.push_back(std::move(joined));
      }
    }
    return found;
  }

  base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
    const std::shared_lock lock(mutex_);
    std::vector<uint32_t> counts(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      for_each_of(ids[i], [&](const FragmentKey&, const Fragment&) { ++counts[i]; });
    }
    return counts;
  }

  base::Result<SearchResult> search(const TraceQuery& query) override {
    const std::shared_lock lock(mutex_);
    const traceql::Evaluator evaluator(query.query);
    std::map<model::TraceId, const Fragment*> found;
    for (const auto& [key, fragment] : fragments_) {
      if (!query.takes({fragment.start, key.id}) || !evaluator.matches(fragment.trace)) continue;
      const Fragment*& best = found[key.id];
      if (best == nullptr || best->start <= fragment.start) best = &fragment;
    }
    std::map<Place, const Fragment*> newest_first;
    for (const auto& [id, fragment] : found) newest_first.emplace(Place{fragment->start, id}, fragment);
    SearchResult result;
    for (const auto& [place, fragment] : newest_first) {
      if (result.traces.size() == query.limit) break;
      model::Trace trace = fragment->trace;
      result.traces.push_back(*find_in(trace, evaluator, query.spans_max));
    }
    return result;
  }

  base::Result<MetricsResult> metrics(const MetricsQuery& query) override {
    const std::shared_lock lock(mutex_);
    const traceql::Evaluator evaluator(query.query);
    MetricsResult result{.series = traceql::MetricsPartial(query.plan)};
    for (const auto& [key, fragment] : fragments_) traceql::observe(evaluator, fragment.trace, result.series);
    return result;
  }

  base::Result<StoreStats> stats() override {
    StoreStats stats;
    std::map<std::string, uint64_t> spans_of;
    for_each_span([&](const std::string& service, const model::Span&) { ++spans_of[service]; });
    for (const auto& [service, spans] : spans_of) {
      stats.services.push_back({service, spans});
      stats.totals.spans += spans;
    }
    std::ranges::stable_sort(stats.services, std::greater(), &ServiceStats::spans);
    stats.totals.disk_bytes = stats.totals.otlp_bytes = disk_bytes();
    const std::shared_lock lock(mutex_);
    stats.totals.traces = fragments_.size();
    return stats;
  }

  base::Result<std::vector<std::string>> services() override {
    std::set<std::string> names;
    for_each_span([&](const std::string& service, const model::Span&) { names.insert(service); });
    return std::vector(names.begin(), names.end());
  }

  base::Result<std::vector<Operation>> operations(const std::string& service) override {
    std::set<Operation> operations;
    for_each_span([&](const std::string& of, const model::Span& span) {
      if (service.empty() || of == service) operations.insert({span.name, span.kind});
    });
    return std::vector(operations.begin(), operations.end());
  }

  base::Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override {
    const std::shared_lock lock(mutex_);
    std::set<AttributeName> names;
    for (const auto& [key, fragment] : fragments_) {
      for_each_attribute(fragment.trace, [&](model::AttributeLevel level, const model::Attribute& attribute) {
        names.insert({level, attribute.key});
      });
    }
    return first_of(names, limit);
  }

  base::Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override {
    const std::shared_lock lock(mutex_);
    std::map<std::string, int64_t> counts;
    for (const auto& [key, fragment] : fragments_) {
      for_each_attribute(fragment.trace, [&](model::AttributeLevel level, const model::Attribute& attribute) {
        if (level != name.level || attribute.key != name.name || !is_listed(attribute.value)) return;
        ++counts[model::to_text(attribute.value)];
      });
    }
    std::set<std::pair<int64_t, std::string>> most_frequent_first;
    for (const auto& [value, count] : counts) most_frequent_first.emplace(-count, value);
    std::vector<std::string> values;
    for (const auto& [negative_count, value] : most_frequent_first) {
      if (values.size() == limit) break;
      values.push_back(value);
    }
    return values;
  }

 private:
  template <typename Predicate>
  uint64_t remove_first_sealed(uint32_t max, const Predicate& is_removable) {
    const std::unique_lock lock(mutex_);
    std::set<std::pair<model::Timestamp, FragmentKey>> by_sealing;
    for (const auto& [key, fragment] : fragments_) {
      if (is_removable(fragment)) by_sealing.emplace(fragment.sealed_at, key);
    }
    uint64_t removed = 0;
    for (auto at = by_sealing.begin(); at != by_sealing.end() && removed < max; ++at, ++removed) {
      fragments_.erase(at->second);
    }
    return removed;
  }
  // In order of covered_sequence. The lock is held.
  template <typename Visit>
  void for_each_of(const model::TraceId& id, const Visit& visit) const {
    for (auto at = fragments_.lower_bound({id, 0}); at != fragments_.end() && at->first.id == id; ++at) {
      visit(at->first, at->second);
    }
  }
  template <typename Visit>
  void for_each_span(const Visit& visit) const {
    const std::shared_lock lock(mutex_);
    for (const auto& [key, fragment] : fragments_) {
      for (const model::Span& span : fragment.trace.spans) {
        visit(fragment.trace.resources[span.resource].service(), span);
      }
    }
  }

  mutable std::shared_mutex mutex_;
  std::map<FragmentKey, Fragment> fragments_;
  uint64_t highest_sequence_ = 0;
};

}  // namespace

std::unique_ptr<TraceStore> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace backstitch::store
