// What identifies a span to others, in this process and beyond: OpenTelemetry's SpanContext.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backstitch/ids.h"

namespace backstitch::sdk {

// What was decided about recording the trace. W3C's headers know only Drop and Sample; B3 has all four.
enum class Sampling : uint8_t {
  Undecided,  // nobody has: whoever receives it decides
  Drop,
  Sample,
  Debug,  // Sample, and try hard to keep it
};

struct SpanContext {
  TraceId trace_id;
  SpanId span_id;
  Sampling sampling = Sampling::Undecided;
  bool is_remote = false;           // it came from another process
  bool is_random = false;           // the right-most 7 bytes of the trace id are random (W3C level 2)
  bool is_trace_id_64_bit = false;  // as it came; B3 and Jaeger write it so again
  // W3C's tracestate as a header; null for none. Shared by all spans of a trace in this process.
  std::shared_ptr<const std::string> trace_state;

  bool is_valid() const noexcept { return trace_id.is_valid() && span_id.is_valid(); }
  bool is_sampled() const noexcept { return sampling == Sampling::Sample || sampling == Sampling::Debug; }
};

}  // namespace backstitch::sdk
