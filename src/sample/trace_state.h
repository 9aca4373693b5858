// The W3C trace state of a span, read as OpenTelemetry's Go API reads it (go.opentelemetry.io/otel/trace,
// ParseTraceState): one bad member, one key twice or a 33rd member makes the whole invalid.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace backstitch::sample {

constexpr size_t kTraceStateMembersMax = 32;

// The value of `key`. Nothing where the trace state is not valid or has no such key. No allocation.
std::optional<std::string_view> trace_state_value(std::string_view trace_state, std::string_view key);

}  // namespace backstitch::sample
