// A span as it lies in a request's bytes: borrowed, valid while the bytes are and until the next span of the
// same walk.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/digest.h"

namespace backstitch::model {

struct SpanView {
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_span_id;
  std::string_view name;
  Timestamp start;
  Timestamp end;
  SpanKind kind = SpanKind::Unspecified;
  StatusCode status = StatusCode::Unset;
  // Where the FeaturePlan asks for them.
  std::string_view status_message;
  std::string_view trace_state;
  uint32_t flags = 0;
  ByteRange message;      // the Span message inside the request
  uint32_t resource = 0;  // index into RequestDigest::resources
  uint32_t scope = 0;     // index into RequestDigest::scopes
  // Raw AnyValue messages of the attributes that the FeaturePlan asks for, in its order; data() is null where
  // the span has none.
  std::vector<std::string_view> selected;
};

}  // namespace backstitch::model
