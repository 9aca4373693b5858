#include "store/conformance/sample_traces.h"

#include <cmath>
#include <fmt/format.h>
#include <map>

#include "wire/otlp/decode.h"

namespace backstitch::store::conformance {
namespace {

using base::Random;
using model::Value;
using traceql::Comparison;
using traceql::Condition;
using traceql::Field;

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
  if (random.chance(0.2)) span.links = {{.trace_id = trace_id(9), .attributes = random_attributes(random, 1)}};
  span.resource = static_cast<uint32_t>(random.below(resource_count));
  return span;
}

Condition random_condition(Random& random) {
  Condition condition;
  condition.field = static_cast<Field>(random.below(8));
  condition.comparison = static_cast<Comparison>(random.below(4));
  switch (condition.field) {
    case Field::Service:
      condition.value = one_of(random, kServices);
      break;
    case Field::Name:
      condition.value = one_of(random, kNames);
      break;
    case Field::Kind:
      condition.value = one_of(random, {"server", "client", "unspecified", "boat"});
      break;
    case Field::Status:
      condition.value = one_of(random, {"error", "ok", "unset"});
      break;
    case Field::Duration:
      condition.value = Value(static_cast<int64_t>(random.below(12)) - 2);
      break;
    default:
      condition.key = one_of(random, kKeys);
      condition.value = random_value(random);
  }
  return condition;
}

std::string to_text(const Condition& condition) {
  return fmt::format("field {} '{}' comparison {} value '{}' (kind {})", static_cast<int>(condition.field),
                     condition.key, static_cast<int>(condition.comparison), model::to_text(condition.value),
                     condition.value.variant().index());
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
    if (random.chance(0.8)) resource.attributes.push_back({"service.name", one_of(random, kServices)});
    trace.resources.push_back(std::move(resource));
  }
  trace.scopes.push_back({.name = "test", .attributes = random_attributes(random, 1)});
  for (size_t count = 1 + random.below(6); count != 0; --count) {
    trace.spans.push_back(random_span(random, trace.id, trace.resources.size()));
  }
  const uint64_t covered_sequence = random.below(4);
  return sealed_at(random.below(50), sealed(trace, covered_sequence));
}

TraceQuery random_query(Random& random) {
  TraceQuery query;
  for (size_t count = random.below(4); count != 0; --count) query.filter.all.push_back(random_condition(random));
  if (random.chance(0.2)) query.filter.any_span.push_back(random_condition(random));
  if (random.chance(0.5)) query.start.from = {1000 + random.below(20)};
  if (random.chance(0.5)) query.start.to = {1000 + random.below(20)};
  query.limit = static_cast<uint32_t>(random.below(30));
  return query;
}

std::string to_text(const TraceQuery& query) {
  std::string out =
      fmt::format("from {} to {} limit {}", query.start.from.unix_nanos, query.start.to.unix_nanos, query.limit);
  for (const Condition& condition : query.filter.all) out += "; " + to_text(condition);
  for (const Condition& condition : query.filter.any_span) out += "; any span: " + to_text(condition);
  return out;
}

}  // namespace backstitch::store::conformance
