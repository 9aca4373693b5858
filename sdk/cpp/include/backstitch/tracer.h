// Makes the spans of one library or component: OpenTelemetry's Tracer.
#pragma once

#include <optional>
#include <string_view>

#include "backstitch/context.h"
#include "backstitch/span.h"

namespace backstitch::sdk {

class TracerState;

struct StartSpanOptions {
  SpanKind kind = SpanKind::Internal;
  Attributes attributes = {};
  Links links = {};
  // Null: what is current in this thread. OpenTracing's child-of: the context of the span that waits for this one.
  const Context* parent = nullptr;
  // A new trace, whatever the parent.
  bool is_root = false;
  std::optional<Time> start = {};
};

// A handle: copies are cheap and may be kept anywhere, also beyond the provider; spans started after its shutdown are
// not recorded.
class Tracer {
 public:
  // Records nothing; its spans pass their parents' context on.
  Tracer() noexcept = default;

  // Never throws, never blocks. What is not recorded costs no allocation.
  Span start_span(std::string_view name, const StartSpanOptions& options = {}) const noexcept;

 private:
  friend class TracerProvider;
  friend struct TracerAccess;
  explicit Tracer(const TracerState* state) noexcept : state_(state) {}
  static Span start(const TracerState& state, std::string_view name, const StartSpanOptions& options) noexcept;

  const TracerState* state_ = nullptr;  // lives as long as the process
};

}  // namespace backstitch::sdk
