// Field numbers of OTLP traces: opentelemetry-proto 1.x, collector/trace/v1/trace_service.proto,
// trace/v1/trace.proto, resource/v1/resource.proto and common/v1/common.proto.
#pragma once

#include <cstdint>

namespace backstitch::wire::otlp {

// ExportTraceServiceRequest, and TracesData: the same on the wire.
enum RequestField : uint32_t { kRequestResourceSpans = 1 };

enum ResourceSpansField : uint32_t {
  kResourceSpansResource = 1,
  kResourceSpansScopeSpans = 2,
  kResourceSpansSchemaUrl = 3,
};

enum ScopeSpansField : uint32_t { kScopeSpansScope = 1, kScopeSpansSpans = 2, kScopeSpansSchemaUrl = 3 };

enum ResourceField : uint32_t { kResourceAttributes = 1, kResourceDroppedAttributesCount = 2 };

enum ScopeField : uint32_t {
  kScopeName = 1,
  kScopeVersion = 2,
  kScopeAttributes = 3,
  kScopeDroppedAttributesCount = 4,
};

enum SpanField : uint32_t {
  kSpanTraceId = 1,
  kSpanSpanId = 2,
  kSpanTraceState = 3,
  kSpanParentSpanId = 4,
  kSpanName = 5,
  kSpanKind = 6,
  kSpanStart = 7,
  kSpanEnd = 8,
  kSpanAttributes = 9,
  kSpanDroppedAttributesCount = 10,
  kSpanEvents = 11,
  kSpanDroppedEventsCount = 12,
  kSpanLinks = 13,
  kSpanDroppedLinksCount = 14,
  kSpanStatus = 15,
  kSpanFlags = 16,
};

enum EventField : uint32_t {
  kEventTime = 1,
  kEventName = 2,
  kEventAttributes = 3,
  kEventDroppedAttributesCount = 4,
};

enum LinkField : uint32_t {
  kLinkTraceId = 1,
  kLinkSpanId = 2,
  kLinkTraceState = 3,
  kLinkAttributes = 4,
  kLinkDroppedAttributesCount = 5,
  kLinkFlags = 6,
};

enum StatusField : uint32_t { kStatusMessage = 2, kStatusCode = 3 };

enum KeyValueField : uint32_t { kKeyValueKey = 1, kKeyValueValue = 2 };

enum AnyValueField : uint32_t {
  kAnyValueString = 1,
  kAnyValueBool = 2,
  kAnyValueInt = 3,
  kAnyValueDouble = 4,
  kAnyValueArray = 5,
  kAnyValueKeyValues = 6,
  kAnyValueBytes = 7,
};

// ArrayValue and KeyValueList.
enum ListField : uint32_t { kListValues = 1 };

}  // namespace backstitch::wire::otlp
