// A span as it lies in a request's bytes: borrowed, valid while the bytes are and until the next span of the
// same walk.
#pragma once

#include <cstdint>
#include <span>
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
  std::string_view status_message;
  std::string_view trace_state;
  uint32_t flags = 0;
  uint32_t event_count = 0;
  uint32_t link_count = 0;
  ByteRange message;      // the Span message inside the request
  uint32_t resource = 0;  // index into RequestDigest::resources
  uint32_t scope = 0;     // index into RequestDigest::scopes
  uint32_t trace = 0;     // index into RequestDigest::traces
  // Raw AnyValue messages of the attributes that the FeaturePlan asks for at span level, in its order; data() is null
  // where the span has none. Of a key that stands twice the first counts.
  std::vector<std::string_view> selected;
  // Likewise at resource and scope level, of this span's; the same while `resource` and `scope` are.
  std::span<const std::string_view> resource_selected;
  std::span<const std::string_view> scope_selected;
  std::string_view scope_name;
  std::string_view scope_version;
  // Raw Event messages, where FeaturePlan::events.
  std::vector<std::string_view> events;
};

}  // namespace backstitch::model
