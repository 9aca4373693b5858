// What a trace's part of a request counts for bytes_limiting and maximum_trace_size_bytes.
#pragma once

#include <cstdint>

#include "model/digest.h"

namespace backstitch::sample {

// Its size as OTLP protobuf, as the Collector counts it: the spans under one copy of each resource and scope that they
// have in the request, schema URLs left out. Spans count as they came; the Collector encodes them anew, with an empty
// status and an empty parent id where a sender left these out: up to four bytes a span more. Add up those of all
// requests. O(the trace's spans).
uint64_t bytes_of(const model::RequestDigest& request, const model::TraceDigest& trace);

}  // namespace backstitch::sample
