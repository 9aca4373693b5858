// B3, Zipkin's format, as one field or as several: https://github.com/openzipkin/b3-propagation
//
//   b3: 80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd1
//
//   X-B3-TraceId: 80f198ee56343ba864fe8b2a57d3eff7    X-B3-ParentSpanId: e457b5a2e4d86bd1
//   X-B3-SpanId: 05e3ac9a4f6e3b90                     X-B3-Sampled: 1    (or X-B3-Flags: 1 for debug)
#pragma once

#include <cstdint>

#include "wire/context/propagator.h"

namespace backstitch::wire::context {

enum class B3Encoding : uint8_t { Single, Multi };

// Reads both encodings, the single field first, as the specification and OpenTelemetry's B3 propagator want it; a
// single field that is malformed falls back on the others. Writes one. Hex of either case is read, lower case is
// written. Doesn't allocate.
class B3Propagator final : public Propagator {
 public:
  explicit B3Propagator(B3Encoding written = B3Encoding::Single) : written_(written) {}

  Extraction extract(const TextMapGetter& carrier) const override;
  // Without ids only the sampling decision goes out. The single field has no place for a parent's id behind an
  // undecided sampling: it is left out there.
  Faults inject(const Context& context, TextMapSetter& carrier) const override;
  std::vector<std::string_view> fields() const override;

 private:
  const B3Encoding written_;
};

}  // namespace backstitch::wire::context
