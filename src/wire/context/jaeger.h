// Jaeger's own format: https://www.jaegertracing.io/docs/1.62/client-libraries/#propagation-format
//
//   uber-trace-id: {trace-id}:{span-id}:{parent-span-id}:{flags}
//   uberctx-user-id: alice                     a field for each member of the baggage, its value URL-encoded
#pragma once

#include "wire/context/propagator.h"

namespace backstitch::wire::context {

// Ids may come without their leading zeros; a trace id of up to 16 digits is one of 64 bits. The parent's id is
// deprecated: what cannot be read there is passed over. Names of baggage go in lower case, as HTTP/2 has them.
// Allocates only for baggage and for fields that came URL-encoded.
class JaegerPropagator final : public Propagator {
 public:
  explicit JaegerPropagator(BaggageLimits limits = {}) : limits_(limits) {}

  Extraction extract(const TextMapGetter& carrier) const override;
  Faults inject(const Context& context, TextMapSetter& carrier) const override;
  std::vector<std::string_view> fields() const override;

 private:
  const BaggageLimits limits_;
};

}  // namespace backstitch::wire::context
