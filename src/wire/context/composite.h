// Several formats over one carrier, in an order of preference.
//
//   auto propagator = create_propagator("tracecontext,baggage,b3");   // as in OTEL_PROPAGATORS
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/context/propagator.h"

namespace backstitch::wire::context {

// Injects all. Extracts all, and then:
// - The first that names a span wins. (As Datadog's and unlike OpenTelemetry's composite, where the last one does.)
//   A trace id alone counts only where nobody names a span, a sampling decision alone only where nobody names a trace.
// - Another that names the same trace and the same span adds what the winner's format cannot say: the parent's id,
//   debug, tracestate, the random flag, the clock. One of the same trace adds its clock.
// - Any other is a Disagreement: counted, and of it only the baggage is taken.
// - Of baggage all members are taken; for a key that several formats have, the first format's.
class CompositePropagator final : public Propagator {
 public:
  explicit CompositePropagator(std::vector<std::unique_ptr<const Propagator>> parts) : parts_(std::move(parts)) {}

  Extraction extract(const TextMapGetter& carrier) const override;
  Faults inject(const Context& context, TextMapSetter& carrier) const override;
  std::vector<std::string_view> fields() const override;

 private:
  const std::vector<std::unique_ptr<const Propagator>> parts_;
};

// Names as OpenTelemetry has them, parted by commas: tracecontext, baggage, b3, b3multi, jaeger; and raceway,
// tracecontext-1. White space and repetitions are passed over; "none" stands for no propagator, and is wrong beside
// others. InvalidArgument for any other name, which the message quotes.
base::Result<std::unique_ptr<const Propagator>> create_propagator(std::string_view names);

}  // namespace backstitch::wire::context
