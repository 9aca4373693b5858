// W3C Trace Context level 2, traceparent and tracestate: https://www.w3.org/TR/trace-context-2/
//
//   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//   tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "wire/context/propagator.h"

namespace backstitch::wire::context {

inline constexpr size_t kTraceparentBytes = 55;  // of version 00

struct Traceparent {
  model::TraceId trace_id;
  model::SpanId parent_id;
  bool is_sampled = false;
  bool is_random = false;

  bool operator==(const Traceparent&) const = default;
};

// Nothing for what 3.2 calls invalid. Of a version above 00 the fields that it shares with 00 are taken (3.2.4): ids
// and the sampled bit.
std::optional<Traceparent> parse_traceparent(std::string_view header);
// Version 00, whatever version it came in. Both ids are valid (asserted).
std::array<char, kTraceparentBytes> format_traceparent(const Traceparent& parent);

struct TraceContextOptions {
  // Of what is sent. The recommendation wants 512 at least (3.3.1.5); twice that leaves room for other headers in the
  // 8 KiB that gRPC takes.
  size_t tracestate_bytes_max = 1024;
  TraceStateGrammar grammar = TraceStateGrammar::Level2;
};

// Allocates only for a tracestate.
class TraceContextPropagator final : public Propagator {
 public:
  explicit TraceContextPropagator(TraceContextOptions options = {}) : options_(options) {}

  Extraction extract(const TextMapGetter& carrier) const override;
  Faults inject(const Context& context, TextMapSetter& carrier) const override;
  std::vector<std::string_view> fields() const override;

 private:
  const TraceContextOptions options_;
};

}  // namespace backstitch::wire::context
