// Raceway's format: ids, and the vector clock of what happened before the call.
//
//   raceway-clock: v1;eyJ0cmFjZV9pZCI6…    unpadded base64url of
//     {"trace_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736","span_id":"b7ad6b7169203331","parent_span_id":
//      "00f067aa0ba902b7","service":"cart","instance":"cart-1","clock":[["cart#cart-1",5]]}
//
// The caller makes up the span id of the callee, which takes it as its own; the caller's own span is the parent. That
// is what its SDKs do (github.com/Mode7Labs/raceway, sdks/typescript). Its documentation names other fields, which no
// SDK sends: X-Raceway-Trace-Id, a UUID, and X-Raceway-VC (or X-Raceway-Vector-Clock), {"cart": 5}. They are read
// where raceway-clock is absent or malformed.
#pragma once

#include <cstdint>

#include "wire/context/propagator.h"

namespace backstitch::wire::context {

enum class RacewayFields : uint8_t { Clock, ClockAndDocumented };

// `context` as it goes out with a call to a service that speaks Raceway: `callee` is the new span that the callee
// takes, and the caller's own entry in the clock is one higher. `local.raceway` names the caller; it must be there
// (asserted).
Context raceway_call(Context local, const model::SpanId& callee);

class RacewayPropagator final : public Propagator {
 public:
  static constexpr size_t kHeaderBytesMax = 8192;

  explicit RacewayPropagator(RacewayFields written = RacewayFields::Clock) : written_(written) {}

  Extraction extract(const TextMapGetter& carrier) const override;
  // Writes raceway-clock only for what raceway_call made (or extract found): another span's id would become the id of
  // two spans.
  Faults inject(const Context& context, TextMapSetter& carrier) const override;
  std::vector<std::string_view> fields() const override;

 private:
  const RacewayFields written_;
};

}  // namespace backstitch::wire::context
