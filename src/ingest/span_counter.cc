#include "ingest/span_counter.h"

#include "wire/otlp/call_peek.h"

namespace backstitch::ingest {
namespace {

using ledger::CallSpan;
using model::SpanKind;

ledger::SpanSeen seen(const model::SpanDigest& span, ServiceNumbers::Index service, std::string_view payload) {
  return {.service = service,
          .name = wire::otlp::name_of_span(span.message.of(payload)),
          .operation = span.operation,
          .kind = span.kind,
          .status = span.status,
          .nanos = span.end > span.start ? span.end.unix_nanos - span.start.unix_nanos : 0,
          .size_bytes = span.message.size};
}

constexpr size_t kPeersMax = 20'000;

bool may_call(SpanKind kind) { return kind == SpanKind::Client || kind == SpanKind::Producer; }
bool may_answer(SpanKind kind) { return kind == SpanKind::Server || kind == SpanKind::Consumer; }

}  // namespace

std::string_view ServiceNumbers::name_of(const model::ResourceDigest& resource, std::string_view payload) {
  return wire::otlp::service_of_resource(resource.message.of(payload));
}

ServiceNumbers::Index SpanCounter::service_of(const model::ResourceDigest& resource, std::string_view payload) {
  return services_.of(resource, payload, [this](std::string_view name) { return metrics_.service(name); });
}

void SpanCounter::count(const model::RequestDigest& digest, std::string_view payload) {
  of_request_.clear();
  for (const model::ResourceDigest& resource : digest.resources) of_request_.push_back(service_of(resource, payload));
  for (const model::SpanDigest& span : digest.spans) {
    metrics_.add(seen(span, of_request_[digest.scopes[span.scope].resource], payload));
  }
}

void SpanCounter::show(const model::RequestDigest& digest, const model::TraceDigest& trace, std::string_view payload) {
  for (uint32_t i = trace.first_span; i < trace.first_span + trace.span_count; ++i) {
    const model::SpanDigest& span = digest.spans[i];
    const model::ResourceDigest& resource = digest.resources[digest.scopes[span.scope].resource];
    const ledger::SpanSeen one = seen(span, service_of(resource, payload), payload);
    metrics_.set_exemplar(one, {.trace = trace.id, .nanos = one.nanos, .at = span.end});
  }
}

void SpanCounter::clear() {
  metrics_.clear();
  services_.clear();
}

DecidedTraces::DecidedTraces(size_t count, const Bounds& bounds)
    : traces_(count), graph_(bounds.service_graph), shown_(bounds.span_metrics) {}

void DecidedTraces::add(size_t place, const model::RequestDigest& digest, const model::TraceDigest& trace,
                        std::string_view payload, bool is_kept) {
  Trace& decided = traces_[place];
  if (is_kept) {
    decided.kept = trace.id;
    shown_.show(digest, trace, payload);
  }
  const auto number = [this](std::string_view name) { return graph_.node(name); };
  for (uint32_t i = trace.first_span; i < trace.first_span + trace.span_count; ++i) {
    const model::SpanDigest& span = digest.spans[i];
    if (!may_call(span.kind) && !may_answer(span.kind)) continue;
    const model::ResourceDigest& resource = digest.resources[digest.scopes[span.scope].resource];
    CallSpan& call = decided.spans.emplace_back(CallSpan{.span = span.span_id,
                                                         .parent = span.parent_span_id,
                                                         .kind = span.kind,
                                                         .status = span.status,
                                                         .service = services_.of(resource, payload, number),
                                                         .start = span.start,
                                                         .end = span.end});
    if (!may_call(span.kind)) continue;
    const Peer peer = peer_of(span, payload);
    call.peer_is_database = peer.is_database;
    call.peer = peer.node;
  }
}

// Its name is read once for each number; of a record that an older build made, without numbers, each time.
DecidedTraces::Peer DecidedTraces::peer_of(const model::SpanDigest& span, std::string_view payload) {
  if (span.peer() == wire::otlp::kNoPeer) return {};
  const auto known = peers_.find(span.peer());
  if (known != peers_.end()) return known->second;
  const wire::otlp::Peer named = wire::otlp::peer_of_span(span.message.of(payload));
  if (named.name.empty()) return {};
  const Peer peer{.node = graph_.node(named.name), .is_database = named.is_database};
  if (span.peer() == 0) return peer;
  if (peers_.size() >= kPeersMax) peers_.clear();
  peers_[span.peer()] = peer;
  return peer;
}

void DecidedTraces::finish() {
  for (const Trace& trace : traces_) {
    if (!trace.spans.empty()) graph_.add_trace(trace.spans, trace.kept);
  }
  traces_.clear();
}

void DecidedTraces::merge(const DecidedTraces& others, base::Timestamp now) {
  graph_.merge(others.graph_, now);
  shown_.merge(others.shown_, now);
}

}  // namespace backstitch::ingest
