#include "assemble/open_reader.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "assemble/fragment_reader.h"
#include "traceql/analysis.h"
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

bool is_service(const traceql::FieldRef& field) {
  if (field.of_parent) return false;
  return field.intrinsic == traceql::Intrinsic::Service ||
         (field.intrinsic == traceql::Intrinsic::None && field.scope == traceql::Scope::Resource &&
          field.key == "service.name");
}

// Of the services that one filter wants its span to have.
uint64_t service_bits_of(const traceql::Query& query, traceql::NodeId filter) {
  uint64_t bits = 0;
  for (const traceql::NodeId id : traceql::conjuncts(query, filter)) {
    const traceql::ExpressionNode& node = query.expressions[id];
    if (node.kind != traceql::ExpressionKind::Binary || node.op != traceql::Operator::Equal) continue;
    const traceql::ExpressionNode& left = query.expressions[node.left];
    const traceql::ExpressionNode& right = query.expressions[node.right];
    if (left.kind != traceql::ExpressionKind::Field || !is_service(left.field)) continue;
    const auto* name = right.literal.value.as<std::string>();
    if (right.kind == traceql::ExpressionKind::Literal && name != nullptr && !name->empty()) {
      bits |= model::service_bit(*name);
    }
  }
  return bits;
}

// Every service that a trace must have to match must be among its services.
uint64_t required_service_bits(const traceql::Query& query) {
  std::vector<uint64_t> bits;
  for (const traceql::RequirementNode& node : traceql::required(query)) {
    switch (node.kind) {
      case traceql::RequirementKind::Always:
        bits.push_back(0);
        break;
      case traceql::RequirementKind::Leaf:
        bits.push_back(service_bits_of(query, node.expression));
        break;
      case traceql::RequirementKind::And:
        bits.push_back(bits[node.left] | bits[node.right]);
        break;
      case traceql::RequirementKind::Or:
        bits.push_back(bits[node.left] & bits[node.right]);
        break;
    }
  }
  return bits.back();
}

// Matching fragments of a scan, until it is known which of them are the answer.
class Matches {
 public:
  void add(const store::Place& place, store::FoundTrace found) {
    const auto [at, is_new] = newest_.try_emplace(found.summary.id, place);
    if (!is_new) {
      // Of two with one start the later one in the shard's order is covered further.
      if (place.start < at->second.start) return;
      by_place_.erase(at->second);
      at->second = place;
    }
    by_place_.insert_or_assign(place, std::move(found));
  }
  // How many stand at `last` or before it.
  size_t count_until(const Listed& last) const {
    return static_cast<size_t>(std::distance(by_place_.begin(), by_place_.upper_bound({last.start, last.id})));
  }
  std::vector<store::FoundTrace> first(size_t limit) && {
    std::vector<store::FoundTrace> all;
    for (auto& [place, found] : by_place_) {
      if (all.size() == limit) break;
      all.push_back(std::move(found));
    }
    return all;
  }

 private:
  absl::flat_hash_map<model::TraceId, store::Place> newest_;
  std::map<store::Place, store::FoundTrace> by_place_;
};

}  // namespace

OpenReader::OpenReader(ShardAccess& shards, log::Log& log, const base::Clock& clock, base::Metrics& metrics,
                       OpenReaderOptions options)
    : shards_(shards),
      log_(log),
      clock_(clock),
      options_(options),
      partial_scans_(metrics.counter("backstitch_search_partial", "Searches that a bound ended early",
                                     {{"bound", "search.open_scan_max"}})) {}

std::vector<base::Result<model::Trace>> OpenReader::find_all(std::span<const model::TraceId> ids) {
  std::vector<base::Result<model::Trace>> found;
  found.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); i += kGroup) {
    const auto some = ids.subspan(i, std::min(kGroup, ids.size() - i));
    auto traces = find_together(some);
    for (const model::TraceId& id : some) {
      if (!traces) {
        found.push_back(std::unexpected(traces.error()));
      } else if (const auto at = traces->find(id); at != traces->end()) {
        found.push_back(at->second);
      } else {
        found.push_back(base::fail(base::Errc::NotFound, "no open trace " + id.to_hex()));
      }
    }
  }
  return found;
}

// By id, those that are there.
base::Result<OpenReader::Traces> OpenReader::find_together(std::span<const model::TraceId> ids) {
  const auto fragments = fragments_of(ids);
  if (!fragments) return std::unexpected(fragments.error());
  Traces traces;
  const auto read = read_fragments(log_, *fragments);
  if (!read) return std::unexpected(read.error());
  for (size_t i = 0; i < fragments->size(); ++i) {
    const model::TraceId& id = (*fragments)[i].id;
    auto& trace = traces.try_emplace(id, model::Trace{.id = id, .is_open = true}).first->second;
    if (!trace) continue;
    auto part = wire::otlp::decode_trace(id, read->otlp[i]);
    if (part && !part->spans.empty()) {
      part->fragments.push_back({.span_count = static_cast<uint32_t>(part->spans.size()),
                                 .sealed_at = {},
                                 .ended_by = (*fragments)[i].cause,
                                 .covered_sequence = (*fragments)[i].covered_sequence});
    }
    if (part) {
      model::join(*trace, *part);
    } else {
      trace = std::unexpected(part.error());
    }
  }
  absl::erase_if(traces, [](const auto& one) { return one.second && one.second->spans.empty(); });
  return traces;
}

base::Result<std::vector<uint32_t>> OpenReader::fragment_counts(std::span<const model::TraceId> ids) {
  std::vector<uint32_t> counts(ids.size());
  for (size_t shard = 0; shard < shards_.shard_count(); ++shard) {
    const auto looked = shards_.on_shard(shard, [&](const OpenTraces& open) {
      for (size_t i = 0; i < ids.size(); ++i) {
        if (shard_of(ids[i], shards_.shard_count()) == shard) {
          counts[i] = static_cast<uint32_t>(open.find(ids[i]).size());
        }
      }
    });
    if (!looked) return std::unexpected(looked.error());
  }
  return counts;
}

OpenReader::Scan OpenReader::within(const store::SearchBudget& budget) const {
  return {.bytes_max = budget.bytes_max, .deadline = clock_.monotonic() + budget.time_max, .stop = budget.stop};
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

// All fragments of the traces, each once; those of one trace in the order in which they came.
base::Result<std::vector<Fragment>> OpenReader::fragments_of(std::span<const model::TraceId> of) {
  std::vector<model::TraceId> ids(of.begin(), of.end());
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<Fragment> fragments;
  for (size_t shard = 0; shard < shards_.shard_count(); ++shard) {
    const auto is_here = [&](const model::TraceId& id) { return shard_of(id, shards_.shard_count()) == shard; };
    if (std::ranges::none_of(ids, is_here)) continue;
    const auto looked = shards_.on_shard(shard, [&](const OpenTraces& open) {
      for (const model::TraceId& id : ids) {
        if (!is_here(id)) continue;
        auto some = open.find(id);
        std::move(some.begin(), some.end(), std::back_inserter(fragments));
      }
    });
    if (!looked) return std::unexpected(looked.error());
  }
  return fragments;
}

// Group by group until `see` has enough or a bound is reached.
base::Result<> OpenReader::scan(std::span<const Listed> traces, Scan& bounds, const Seen& see) {
  const uint64_t bytes_max = std::min(bounds.bytes_max, options_.open_scan_bytes_max);
  uint64_t bytes_read = 0;
  absl::flat_hash_set<model::TraceId> seen;
  for (size_t i = 0; i < traces.size(); i += kGroup) {
    if (bytes_read > bytes_max) {
      partial_scans_.add();
      bounds.is_bounded = true;
      return {};
    }
    if (bounds.stop.stop_requested() || clock_.monotonic() > bounds.deadline) {
      bounds.is_bounded = true;
      return {};
    }
    const auto group = traces.subspan(i, std::min(kGroup, traces.size() - i));
    std::vector<model::TraceId> unseen;  // a trace with several fragments is listed for each, and read with the first
    for (const Listed& trace : group) {
      if (seen.insert(trace.id).second) unseen.push_back(trace.id);
    }
    const auto fragments = fragments_of(unseen);
    if (!fragments) return std::unexpected(fragments.error());
    if (auto scanned = scan_group(*fragments, bounds, bytes_read, see); !scanned) return scanned;
    if (see.ended(group.back())) return {};
  }
  return {};
}

base::Result<> OpenReader::scan_group(std::span<const Fragment> fragments, Scan& bounds, uint64_t& bytes_read,
                                      const Seen& see) {
  const auto read = read_fragments(log_, fragments);
  if (!read) return std::unexpected(read.error());
  bytes_read += read->bytes_read;
  for (size_t i = 0; i < fragments.size(); ++i) {
    if (read->otlp[i].empty() || bounds.stop.stop_requested()) continue;
    auto trace = wire::otlp::decode_trace(fragments[i].id, read->otlp[i]);
    if (!trace) return std::unexpected(trace.error());
    model::drop_repeats(*trace);
    trace->is_open = true;
    see.fragment(fragments[i], std::move(*trace));
  }
  return {};
}

base::Result<store::SearchResult> OpenReader::search(const store::TraceQuery& query) {
  if (query.limit == 0) return store::SearchResult();
  store::TimeRange start = query.start;
  if (query.after) start.to = std::min(start.to, query.after->start);
  const auto listed = newest(start, required_service_bits(query.query), kListedMax);
  if (!listed) return std::unexpected(listed.error());
  const traceql::Evaluator evaluator(query.query);
  Matches matches;
  Scan bounds = within(query.budget);
  const auto scanned = scan(listed->traces, bounds,
                            {.fragment =
                                 [&](const Fragment& fragment, model::Trace trace) {
                                   const store::Place place{model::earliest_start(trace), fragment.id};
                                   if (!query.takes(place)) return;
                                   auto found = store::find_in(trace, evaluator, query.spans_max);
                                   if (found) matches.add(place, std::move(*found));
                                 },
                             .ended = [&](const Listed& last) { return matches.count_until(last) >= query.limit; }});
  if (!scanned) return std::unexpected(scanned.error());
  store::SearchResult result{.traces = std::move(matches).first(query.limit), .is_partial = bounds.is_bounded};
  result.is_partial = result.is_partial || (listed->is_cut && result.traces.size() < query.limit);
  return result;
}

base::Result<store::MetricsResult> OpenReader::metrics(const store::MetricsQuery& query) {
  const traceql::MetricsWindow& window = query.plan.window();
  // A span starts no earlier than its fragment.
  const auto listed = newest({.from = {}, .to = window.end}, required_service_bits(query.query), kListedMax);
  if (!listed) return std::unexpected(listed.error());
  const traceql::Evaluator evaluator(query.query);
  store::MetricsResult result{.series = traceql::MetricsPartial(query.plan)};
  Scan bounds = within(query.budget);
  const auto scanned = scan(listed->traces, bounds, {.fragment = [&](const Fragment&, const model::Trace& trace) {
                              traceql::observe(evaluator, trace, result.series);
                            }});
  if (!scanned) return std::unexpected(scanned.error());
  result.is_partial = bounds.is_bounded || listed->is_cut;
  return result;
}

base::Result<std::vector<std::string>> OpenReader::services() {
  const auto listed = newest({}, 0, kNamedTracesMax);
  if (!listed) return std::unexpected(listed.error());
  std::set<std::string> names;
  Scan bounds;
  const auto scanned = scan(listed->traces, bounds, {.fragment = [&](const Fragment&, const model::Trace& trace) {
                              for (const model::Resource& resource : trace.resources) names.insert(resource.service());
                            }});
  if (!scanned) return std::unexpected(scanned.error());
  return std::vector(names.begin(), names.end());
}

base::Result<std::vector<store::Operation>> OpenReader::operations(const std::string& service) {
  const auto listed = newest({}, service.empty() ? 0 : model::service_bit(service), kNamedTracesMax);
  if (!listed) return std::unexpected(listed.error());
  std::set<store::Operation> operations;
  Scan bounds;
  const auto scanned = scan(listed->traces, bounds, {.fragment = [&](const Fragment&, const model::Trace& trace) {
                              for (const model::Span& span : trace.spans) {
                                if (service.empty() || trace.resources[span.resource].service() == service) {
                                  operations.insert({span.name, span.kind});
                                }
                              }
                            }});
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
