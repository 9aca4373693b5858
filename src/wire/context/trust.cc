#include "wire/context/trust.h"

#include <utility>

namespace backstitch::wire::context {
namespace {

// The span that called, and the one that it made up for us in `own_span_id`.
SpanContext caller_of(SpanContext span, model::SpanId& own_span_id) {
  if (!span.is_callee_span) return span;
  own_span_id = std::exchange(span.span_id, std::exchange(span.parent_span_id, {}));
  span.is_callee_span = false;
  return span;
}

}  // namespace

LocalStart start_local(Context inbound, InboundTrust trust) {
  LocalStart start;
  if (trust == InboundTrust::Ignore) return start;
  SpanContext caller = caller_of(std::move(inbound.span), start.own_span_id);
  if (trust == InboundTrust::Restart) {
    start.own_span_id = {};
    if (caller.is_valid()) start.link = std::move(caller);
    return start;
  }
  start.parent = std::move(caller);
  start.baggage = std::move(inbound.baggage);
  start.raceway = std::move(inbound.raceway);
  return start;
}

std::optional<Faults> inject_if_allowed(const Context& context, const Propagator& propagator,
                                        const HostAllowList& hosts, const Destination& destination,
                                        TextMapSetter& carrier) {
  if (!hosts.allows(destination)) return std::nullopt;
  return propagator.inject(context, carrier);
}

}  // namespace backstitch::wire::context
