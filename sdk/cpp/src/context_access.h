// What a context carries beside its span, and the SDK's way to it.
#pragma once

#include <memory>
#include <optional>

#include "backstitch/context.h"
#include "wire/context/context.h"

namespace backstitch::sdk {

class RequestState;

// Immutable, shared by all contexts that descend from one.
struct ContextExtras {
  wire::context::Baggage baggage;
  // The caller's, where its trace goes on here: its clock, and what the formats say beyond the ids.
  std::optional<wire::context::RacewayHop> raceway;
  // Of a trace that was restarted: its root links to the span that called.
  std::optional<SpanContext> restarted_from;
  // The request that is being served; null outside of one.
  std::shared_ptr<RequestState> request;
};

struct ContextAccess {
  static const ContextExtras* extras(const Context& context) { return context.extras_.get(); }
  static Context make(Span span, std::shared_ptr<const ContextExtras> extras) {
    Context context;
    context.span_ = std::move(span);
    context.extras_ = std::move(extras);
    return context;
  }
};

}  // namespace backstitch::sdk
