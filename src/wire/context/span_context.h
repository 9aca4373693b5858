// What one hop tells the next about the trace that a request belongs to: OpenTelemetry's SpanContext, with what B3,
// Jaeger and Raceway say beyond W3C's headers kept, so that it can be said again.
#pragma once

#include <cstdint>

#include "model/ids.h"
#include "wire/context/trace_state.h"

namespace backstitch::wire::context {

// What was decided upstream. B3 has all four; W3C knows only Drop and Sample, and Undecided goes out there as Drop.
enum class Sampling : uint8_t {
  Undecided,  // B3's "defer": whoever receives it decides
  Drop,
  Sample,
  Debug,  // Sample, and try hard to keep it
};

struct SpanContext {
  model::TraceId trace_id;
  model::SpanId span_id;
  model::SpanId parent_span_id;  // of `span_id`, where the format says it; invalid otherwise
  Sampling sampling = Sampling::Undecided;
  // The trace id's right-most 7 bytes are random (W3C level 2, 3.2.2.5.2). Goes along unchanged with the trace id.
  bool is_random = false;
  // The trace id came with 64 bits and was widened by zeros; B3 and Jaeger write it with 64 bits again. W3C's formats
  // can't say so: there, eight leading zero bytes mean it.
  bool is_trace_id_64_bit = false;
  // Raceway: the caller made `span_id` up for the callee to take; the span that called is `parent_span_id`.
  bool is_callee_span = false;
  TraceState trace_state;

  // Names a span that a child can be linked to.
  bool is_valid() const { return trace_id.is_valid() && span_id.is_valid(); }
  bool operator==(const SpanContext&) const = default;
};

}  // namespace backstitch::wire::context
