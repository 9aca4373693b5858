#include "store/conformance/sample_traces.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "store/conformance/random_traceql.h"
#include "traceql/parse.h"
#include "traceql/print.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::conformance {
namespace {

using base::Random;
using model::Value;

template <typename T, size_t N>
const T& one_of(Random& random, const T (&all)[N]) {
  return all[random.below(N)];
}

const std::string kServices[] = {"cart", "checkout", "frontend", "unknown_service"};
const std::string kNames[] = {"GET /cart", "POST /checkout", "SELECT", ""};
const std::string kKeys[] = {"http.status_code", "user.id", "ok", "ratio", "blob", "list", "host", "service.name"};

Value random_value(Random& random) {
  switch (random.below(9)) {
    case 0:
      return Value(static_cast<int64_t>(random.below(4) * 100 + 200));
    case 1:
      return Value(std::to_string(random.below(4) * 100 + 200));
    case 2:
      return Value(random.chance(0.5));
    case 3:
      return Value(static_cast<double>(random.below(8)) / 4);
    case 4:
      return Value(model::Bytes{std::string(random.below(4), '\xff')});
    case 5:
      return Value(model::Array{{Value(1), Value("two")}});
    case 6:
      return Value(one_of(random, {"alice", "bob", "a b", "", "true", "eA==", "[1,\"two\"]"}));
    case 7:
      return Value(std::nan(""));
    default:
      return Value();
  }
}

model::Attributes random_attributes(Random& random, size_t max) {
  model::Attributes attributes;
  for (size_t count = random.below(max + 1); count != 0; --count) {
    attributes.push_back({one_of(random, kKeys), random_value(random)});
  }
  return attributes;
}

model::Span random_span(Random& random, const model::TraceId& id, size_t resource_count) {
  model::Span span;
  span.trace_id = id;
  span.span_id = span_id(1 + random.below(12));
  if (random.chance(0.7)) span.parent_span_id = span_id(1 + random.below(12));
  span.name = one_of(random, kNames);
  span.kind = static_cast<model::SpanKind>(random.below(6));
  span.start = {random.chance(0.05) ? random.next() : 1000 + random.below(20)};
  span.end = base::offset(span.start, model::Duration(static_cast<int64_t>(random.below(12)) - 2));
  span.status.code = static_cast<model::StatusCode>(random.below(3));
  span.attributes = random_attributes(random, 3);
  if (random.chance(0.3)) span.events = {{.name = "exception", .attributes = random_attributes(random, 2)}};
  if (random.chance(0.2))
    span.links = {{.trace_id = trace_id(9), .span_id = span_id(3), .attributes = random_attributes(random, 1)}};
  span.resource = static_cast<uint32_t>(random.below(resource_count));
  return span;
}

std::string to_text(const FoundTrace& found) {
  std::string out =
      fmt::format("{} {} {} start {} end {} spans {} errors {} orphans {} open {} matched {}",
                  found.summary.id.to_hex(), found.summary.root_service, found.summary.root_operation,
                  found.summary.start.unix_nanos, found.summary.end.unix_nanos, found.summary.span_count,
                  found.summary.error_count, found.summary.orphan_count, found.summary.is_open, found.matched_spans);
  for (const model::ServiceCount& service : found.summary.services) {
    out += fmt::format("; {} {}/{}", service.service, service.error_count, service.span_count);
  }
  for (const FoundSpan& span : found.spans) {
    out += fmt::format("; span {} {} {} {} {}", span.span_id.to_hex(), span.service, span.name, span.start.unix_nanos,
                       span.duration.count());
    for (const model::Attribute& one : span.attributes) {
      out += fmt::format(" {}={}:{}", one.key, one.value.variant().index(), model::to_text(one.value));
    }
  }
  return out;
}

}  // namespace

model::TraceId trace_id(uint64_t number) {
  model::TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

model::SpanId span_id(uint64_t number) {
  model::SpanId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[7 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

model::Trace trace_of(uint64_t id, const std::vector<SpanSpec>& specs) {
  model::Trace trace;
  trace.id = trace_id(id);
  trace.scopes.push_back({.name = "test"});
  std::map<std::string, uint32_t> resources;
  for (const SpanSpec& spec : specs) {
    const auto [resource, is_new] = resources.emplace(spec.service, static_cast<uint32_t>(resources.size()));
    if (is_new) trace.resources.push_back({.attributes = {{"service.name", spec.service}}});
    model::Span& span = trace.spans.emplace_back();
    span.trace_id = trace.id;
    span.span_id = span_id(spec.span);
    span.parent_span_id = span_id(spec.parent);
    span.name = spec.name;
    span.kind = spec.kind;
    span.start = {spec.start};
    span.end = {spec.start + spec.duration};
    span.status.code = spec.is_error ? model::StatusCode::Error : model::StatusCode::Unset;
    span.attributes = spec.attributes;
    span.resource = resource->second;
  }
  return trace;
}

SealedTrace sealed(const model::Trace& trace, uint64_t covered_sequence) {
  return {.id = trace.id, .covered_sequence = covered_sequence, .otlp = wire::otlp::encode_request(trace)};
}

SealedTrace sealed(uint64_t id, uint64_t covered_sequence, const std::vector<SpanSpec>& spans) {
  return sealed(trace_of(id, spans), covered_sequence);
}

SealedTrace sealed_at(uint64_t at, SealedTrace trace) {
  trace.sealed_at = {at};
  return trace;
}

SealedTrace random_fragment(Random& random) {
  model::Trace trace;
  trace.id = trace_id(1 + random.below(200));
  for (size_t count = 1 + random.below(3); count != 0; --count) {
    model::Resource resource{.attributes = random_attributes(random, 2)};
    if (random.chance(0.7)) {
      resource.attributes.push_back({"service.name", one_of(random, kServices)});
    } else if (random.chance(0.3)) {
      resource.attributes.push_back({"service.name", model::Array{{"cart", one_of(random, kServices)}}});
    }
    trace.resources.push_back(std::move(resource));
  }
  trace.scopes.push_back({.name = "test", .attributes = random_attributes(random, 1)});
  for (size_t count = 1 + random.below(6); count != 0; --count) {
    trace.spans.push_back(random_span(random, trace.id, trace.resources.size()));
    if (random.chance(0.1)) trace.spans.back().attributes.push_back({"backstitch.unsampled", random.chance(0.8)});
  }
  model::drop_repeats(trace);
  if (random.chance(0.2)) trace.spans.push_back(trace.spans[random.below(trace.spans.size())]);  // a retry
  const uint64_t covered_sequence = random.below(4);
  return sealed_at(random.below(50), sealed(trace, covered_sequence));
}

std::vector<SealedTrace> random_batch(Random& random, size_t size, uint64_t& sequence) {
  std::vector<SealedTrace> batch;
  std::set<model::TraceId> ids;
  while (batch.size() < size) {
    SealedTrace fragment = random_fragment(random);
    fragment.covered_sequence = ++sequence;
    if (ids.insert(fragment.id).second) batch.push_back(std::move(fragment));
  }
  return batch;
}

traceql::Query query_of(std::string_view text) {
  auto query = traceql::parse(text);
  if (query) return std::move(*query);
  ADD_FAILURE() << text << ": " << query.error().message;
  return *traceql::parse("{ }");
}

MetricsQuery metrics_query(std::string_view text, const traceql::MetricsWindow& window) {
  MetricsQuery query{.query = query_of(text), .plan = {}, .budget = {}};
  auto plan = traceql::MetricsPlan::create(query.query, window);
  if (plan) {
    query.plan = std::move(*plan);
  } else {
    ADD_FAILURE() << text << ": " << plan.error().message;
  }
  return query;
}

TraceQuery random_query(Random& random) {
  TraceQuery query{.query = query_of(random_traceql(random))};
  if (random.chance(0.5)) query.start.from = {1000 + random.below(20)};
  if (random.chance(0.5)) query.start.to = {1000 + random.below(20)};
  if (random.chance(0.2)) query.after = Place{{1000 + random.below(20)}, trace_id(random.below(200))};
  query.limit = static_cast<uint32_t>(random.below(30));
  query.spans_max = static_cast<uint32_t>(random.below(5));
  return query;
}

std::string to_text(const TraceQuery& query) {
  std::string out = fmt::format("{} from {} to {} limit {} spans {}", traceql::print(query.query),
                                query.start.from.unix_nanos, query.start.to.unix_nanos, query.limit, query.spans_max);
  if (query.after) out += fmt::format(" after {} {}", query.after->start.unix_nanos, query.after->id.to_hex());
  return out;
}

std::string to_text(const SearchResult& result) {
  std::string out = result.is_partial ? "partial\n" : "";
  for (const FoundTrace& found : result.traces) out += to_text(found) + "\n";
  return out;
}

std::string to_text(const traceql::MetricsResult& result) {
  std::string out;
  for (const traceql::MetricsSeries& series : result.series) {
    std::string labels;
    for (const traceql::MetricsLabel& label : series.labels) {
      labels += (labels.empty() ? "" : ",") + traceql::print(label.value);
    }
    out += labels;
    for (const std::optional<double>& value : series.values) out += value ? fmt::format(" {}", *value) : " -";
    out += "\n";
  }
  return out;
}

}  // namespace backstitch::store::conformance
