#include "assemble/open_reader.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "assemble/fragment_reader.h"
#include "wire/otlp/decode.h"

namespace backstitch::assemble {
namespace {

// Traces that arrived together lie in the same records, so they are read together; a search that needs 20 reads
// little more.
constexpr size_t kGroup = 64;
// Of one shard; a search that would look at more is partial.
constexpr size_t kListedMax = 100'000;
// What the name lists are made of: whatever started lately.
constexpr size_t kNamedTracesMax = 256;

// Every service that the filter wants on one span must be among a trace's services.
uint64_t required_service_bits(const traceql::Filter& filter) {
  uint64_t bits = 0;
  for (const traceql::Condition& condition : filter.all) {
    const auto* name = condition.value.as<std::string>();
    if (condition.field == traceql::Field::Service && condition.comparison == traceql::Comparison::Equal &&
        name != nullptr) {
      bits |= model::service_bit(*name);
    }
  }
  return bits;
}

}  // namespace

OpenReader::OpenReader(ShardAccess& shards, log::Log& log, base::Metrics& metrics, OpenReaderOptions options)
    : shards_(shards),
      log_(log),
      options_(options),
      partial_scans_(metrics.counter("backstitch_search_partial", "Searches that a bound ended early",
                                     {{"bound", "search.open_scan_max"}})) {}

base::Result<model::Trace> OpenReader::find(const model::TraceId& id) {
  std::vector<Fragment> fragments;
  const auto looked =
      shards_.on_shard(shard_of(id, shards_.shard_count()), [&](const OpenTraces& open) { fragments = open.find(id); });
  if (!looked) return std::unexpected(looked.error());
  model::Trace trace;
  trace.id = id;
  trace.is_open = true;
  const auto read = read_fragments(log_, fragments);
  if (!read) return std::unexpected(read.error());
  for (const std::string& otlp : read->otlp) {
    const auto part = wire::otlp::decode_trace(id, otlp);
    if (!part) return std::unexpected(part.error());
    model::join(trace, *part);
  }
  if (trace.spans.empty()) return base::fail(base::Errc::NotFound, "no open trace " + id.to_hex());
  return trace;
}

base::Result<OpenReader::Newest> OpenReader::newest(const store::TimeRange& start, uint64_t service_bits,
                                                    size_t limit) {
  Newest newest;
  for (size_t shard = 0; shard < shards_.shard_count(); ++shard) {
    std::vector<Listed> some;
    const auto looked =
        shards_.on_shard(shard, [&](const OpenTraces& open) { some = open.list(start, service_bits, limit); });
    if (!looked) return std::unexpected(looked.error());
    newest.is_cut = newest.is_cut || some.size() == limit;
    newest.traces.insert(newest.traces.end(), some.begin(), some.end());
  }
  std::sort(newest.traces.begin(), newest.traces.end());
  return newest;
}

base::Result<std::vector<Fragment>> OpenReader::fragments_of(std::span<const Listed> traces) {
  std::vector<Fragment> fragments;
  for (size_t shard = 0; shard < shards_.shard_count(); ++shard) {
    const auto looked = shards_.on_shard(shard, [&](const OpenTraces& open) {
      for (const Listed& trace : traces) {
        if (shard_of(trace.id, shards_.shard_count()) != shard) continue;
        auto some = open.find(trace.id);
        std::move(some.begin(), some.end(), std::back_inserter(fragments));
      }
    });
    if (!looked) return std::unexpected(looked.error());
  }
  std::sort(fragments.begin(), fragments.end(),
            [](const Fragment& a, const Fragment& b) { return Listed{a.start, a.id} < Listed{b.start, b.id}; });
  return fragments;
}

base::Result<bool> OpenReader::scan(std::span<const Listed> traces, const std::function<bool(model::Trace)>& see) {
  uint64_t bytes_read = 0;
  for (size_t i = 0; i < traces.size(); i += kGroup) {
    if (bytes_read > options_.open_scan_bytes_max) {
      partial_scans_.add();
      return true;
    }
    const auto fragments = fragments_of(traces.subspan(i, std::min(kGroup, traces.size() - i)));
    if (!fragments) return std::unexpected(fragments.error());
    const auto read = read_fragments(log_, *fragments);
    if (!read) return std::unexpected(read.error());
    bytes_read += read->bytes_read;
    for (size_t k = 0; k < fragments->size(); ++k) {
      if (read->otlp[k].empty()) continue;
      auto trace = wire::otlp::decode_trace((*fragments)[k].id, read->otlp[k]);
      if (!trace) return std::unexpected(trace.error());
      trace->is_open = true;
      if (!see(std::move(*trace))) return false;
    }
  }
  return false;
}

base::Result<store::SearchResult> OpenReader::search(const store::TraceQuery& query) {
  const auto listed = newest(query.start, required_service_bits(query.filter), kListedMax);
  if (!listed) return std::unexpected(listed.error());
  store::SearchResult result;
  if (query.limit == 0) return result;
  const auto partial = scan(listed->traces, [&](model::Trace trace) {
    if (traceql::matches(query.filter, trace)) result.traces.push_back(std::move(trace));
    return result.traces.size() < query.limit;
  });
  if (!partial) return std::unexpected(partial.error());
  result.is_partial = *partial || (listed->is_cut && result.traces.size() < query.limit);
  return result;
}

base::Result<std::vector<std::string>> OpenReader::services() {
  const auto listed = newest({}, 0, kNamedTracesMax);
  if (!listed) return std::unexpected(listed.error());
  std::set<std::string> names;
  const auto scanned = scan(listed->traces, [&](const model::Trace& trace) {
    for (const model::Resource& resource : trace.resources) names.insert(resource.service());
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  return std::vector(names.begin(), names.end());
}

base::Result<std::vector<store::Operation>> OpenReader::operations(const std::string& service) {
  const auto listed = newest({}, service.empty() ? 0 : model::service_bit(service), kNamedTracesMax);
  if (!listed) return std::unexpected(listed.error());
  std::set<store::Operation> operations;
  const auto scanned = scan(listed->traces, [&](const model::Trace& trace) {
    for (const model::Span& span : trace.spans) {
      if (service.empty() || trace.resources[span.resource].service() == service) {
        operations.insert({span.name, span.kind});
      }
    }
    return true;
  });
  if (!scanned) return std::unexpected(scanned.error());
  return std::vector(operations.begin(), operations.end());
}

base::Result<std::vector<store::AttributeName>> OpenReader::attribute_names(uint32_t) {
  return std::vector<store::AttributeName>{};
}

base::Result<std::vector<std::string>> OpenReader::attribute_values(const store::AttributeName&, uint32_t) {
  return std::vector<std::string>{};
}

}  // namespace backstitch::assemble
