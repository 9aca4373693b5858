// The border between those whose context we take and everybody else. Anyone may send headers: an id from outside can
// join foreign traces, a sampled or debug flag from outside can make us record everything, baggage from outside can
// speak for a user (W3C Trace Context, "Security considerations"). And what goes out tells others about our inside.
//
// Both rules are plain values: the listener that a request came in on has an InboundTrust, an outgoing call has a
// HostAllowList.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/context/context.h"
#include "wire/context/host_allow_list.h"
#include "wire/context/propagator.h"

namespace backstitch::wire::context {

enum class InboundTrust : uint8_t {
  Ignore,   // as if nothing had been sent
  Restart,  // a new trace, whose root links to the span that called; nothing else is taken
  Accept,   // the span that called is the parent; baggage, clock and sampling go along
};

// How the span that serves a request begins.
struct LocalStart {
  // Valid: the parent. A trace id alone: a root of that trace. Neither: a root of a new trace; `sampling` may still
  // say what was decided upstream.
  SpanContext parent;
  // The span id that the caller made up for this span (Raceway); invalid: make one.
  model::SpanId own_span_id;
  // For the root of a restarted trace: the span that called.
  std::optional<SpanContext> link;
  Baggage baggage;
  std::optional<RacewayHop> raceway;

  bool operator==(const LocalStart&) const = default;
};

LocalStart start_local(Context inbound, InboundTrust trust);

// Injects if `hosts` allows the destination. Nothing where it does not: then the carrier is as it was, and the caller
// counts a context withheld. A carrier that copies an incoming request's fields is to be cleared of
// propagator.fields() first.
[[nodiscard]] std::optional<Faults> inject_if_allowed(const Context& context, const Propagator& propagator,
                                                      const HostAllowList& hosts, const Destination& destination,
                                                      TextMapSetter& carrier);

}  // namespace backstitch::wire::context
