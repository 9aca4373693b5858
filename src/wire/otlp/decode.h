// OTLP protobuf to and from model values, whole. Lossless: fields that this build does not know are kept as raw
// bytes and written back. Not for the hot path; see walk.h.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/digest.h"
#include "model/limits.h"
#include "model/trace.h"

namespace backstitch::wire::otlp {

// `bytes` is an ExportTraceServiceRequest or a TracesData: the same on the wire. Spans come in the order of the
// bytes. Ids of a wrong length become all zeros. Malformed names the offset or the field; nesting beyond
// `limits.nesting_max` is Malformed too. TooLarge beyond `limits.decoded_bytes_max`. Equal resources are not merged:
// one per ResourceSpans.
base::Result<model::SpanSet> decode_request(std::string_view bytes, const model::Limits& limits = {});

// As decode_request without limits.decoded_bytes_max, and all spans belong to `id` (those of other traces are left
// out); equal resources and scopes are shared.
base::Result<model::Trace> decode_trace(model::TraceId id, std::string_view bytes, const model::Limits& limits = {});

// Groups by resource and scope in the order of first use. Field order inside a message is by number, unknown
// fields last.
std::string encode_request(const model::SpanSet& spans);

// What the limits cut: strings and bytes are shortened (UTF-8 stays whole), attributes beyond the count are
// dropped and added to dropped_attributes_count; a span that was cut gets backstitch.truncated = true.
struct LimitsApplied {
  uint32_t values_cut = 0;
  uint32_t attributes_dropped = 0;
};
LimitsApplied apply_limits(model::SpanSet& spans, const model::Limits& limits);

}  // namespace backstitch::wire::otlp
