// Random ids, without a lock: each thread has a stream of its own, seeded by the kernel, and a child process others.
#pragma once

#include "backstitch/ids.h"

namespace backstitch::sdk {

// Never all zeros. All bytes are random (W3C Trace Context level 2, the random flag).
TraceId random_trace_id() noexcept;
SpanId random_span_id() noexcept;

}  // namespace backstitch::sdk
