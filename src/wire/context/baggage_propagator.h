// W3C Baggage over a carrier: the field `baggage`. Reads and writes no ids.
#pragma once

#include "wire/context/propagator.h"

namespace backstitch::wire::context {

class BaggagePropagator final : public Propagator {
 public:
  explicit BaggagePropagator(BaggageLimits limits = {}) : limits_(limits) {}

  Extraction extract(const TextMapGetter& carrier) const override;
  Faults inject(const Context& context, TextMapSetter& carrier) const override;
  std::vector<std::string_view> fields() const override;

 private:
  const BaggageLimits limits_;
};

}  // namespace backstitch::wire::context
