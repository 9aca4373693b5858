#include "wire/otlp/encode.h"

#include <protozero/pbf_writer.hpp>

#include "wire/otlp/decode.h"
#include "wire/otlp/otlp_fields.h"
#include "wire/otlp/span_groups.h"

namespace backstitch::wire::otlp {
namespace {

using protozero::pbf_writer;

// proto3 leaves out what has its default.
void add_text(pbf_writer& out, uint32_t field, const std::string& text) {
  if (!text.empty()) out.add_string(field, text);
}
void add_count(pbf_writer& out, uint32_t field, uint32_t count) {
  if (count != 0) out.add_uint32(field, count);
}
void add_time(pbf_writer& out, uint32_t field, model::Timestamp time) {
  if (time.is_set()) out.add_fixed64(field, time.unix_nanos);
}
template <typename Id>
void add_id(pbf_writer& out, uint32_t field, const Id& id) {
  if (id.is_valid()) out.add_bytes(field, reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

// protozero takes a message back to which nothing was added; these stand for themselves.
void add_empty(pbf_writer& out, uint32_t field) { out.add_message(field, protozero::data_view("", 0)); }

void add_value(pbf_writer& out, uint32_t field, const model::Value& value);

void add_attributes(pbf_writer& out, uint32_t field, const model::Attributes& attributes) {
  for (const model::Attribute& attribute : attributes) {
    pbf_writer key_value(out, field);
    add_text(key_value, kKeyValueKey, attribute.key);
    add_value(key_value, kKeyValueValue, attribute.value);
  }
}

void write_array(pbf_writer& out, const model::Array& array) {
  if (array.values.empty()) return add_empty(out, kAnyValueArray);
  pbf_writer list(out, kAnyValueArray);
  for (const model::Value& element : array.values) add_value(list, kListValues, element);
}

void write_key_values(pbf_writer& out, const model::KeyValues& map) {
  if (map.entries.empty()) return add_empty(out, kAnyValueKeyValues);
  pbf_writer list(out, kAnyValueKeyValues);
  add_attributes(list, kListValues, map.entries);
}

// Recurses as deep as the value nests: bounded by Limits::nesting_max when it was decoded, by the program where it made
// the value itself.
void add_value(pbf_writer& out, uint32_t field, const model::Value& value) {
  if (value.is_empty()) return add_empty(out, field);
  pbf_writer any(out, field);
  if (const auto* text = value.as<std::string>()) {
    any.add_string(kAnyValueString, *text);
  } else if (const auto* flag = value.as<bool>()) {
    any.add_bool(kAnyValueBool, *flag);
  } else if (const auto* number = value.as<int64_t>()) {
    any.add_int64(kAnyValueInt, *number);
  } else if (const auto* real = value.as<double>()) {
    any.add_double(kAnyValueDouble, *real);
  } else if (const auto* bytes = value.as<model::Bytes>()) {
    any.add_bytes(kAnyValueBytes, bytes->data);
  } else if (const auto* array = value.as<model::Array>()) {
    write_array(any, *array);
  } else if (const auto* map = value.as<model::KeyValues>()) {
    write_key_values(any, *map);
  }
}

void write_resource(std::string& bytes, const model::Resource& resource) {
  pbf_writer out(bytes);
  add_attributes(out, kResourceAttributes, resource.attributes);
  add_count(out, kResourceDroppedAttributesCount, resource.dropped_attributes_count);
  bytes += resource.unknown_fields;
}

void write_scope(std::string& bytes, const model::Scope& scope) {
  pbf_writer out(bytes);
  add_text(out, kScopeName, scope.name);
  add_text(out, kScopeVersion, scope.version);
  add_attributes(out, kScopeAttributes, scope.attributes);
  add_count(out, kScopeDroppedAttributesCount, scope.dropped_attributes_count);
  bytes += scope.unknown_fields;
}

void write_event(std::string& bytes, const model::Event& event) {
  pbf_writer out(bytes);
  add_time(out, kEventTime, event.time);
  add_text(out, kEventName, event.name);
  add_attributes(out, kEventAttributes, event.attributes);
  add_count(out, kEventDroppedAttributesCount, event.dropped_attributes_count);
  bytes += event.unknown_fields;
}

void write_link(std::string& bytes, const model::Link& link) {
  pbf_writer out(bytes);
  add_id(out, kLinkTraceId, link.trace_id);
  add_id(out, kLinkSpanId, link.span_id);
  add_text(out, kLinkTraceState, link.trace_state);
  add_attributes(out, kLinkAttributes, link.attributes);
  add_count(out, kLinkDroppedAttributesCount, link.dropped_attributes_count);
  if (link.flags != 0) out.add_fixed32(kLinkFlags, link.flags);
  bytes += link.unknown_fields;
}

void add_status(pbf_writer& out, const model::Status& status) {
  if (status == model::Status{}) return;
  pbf_writer message(out, kSpanStatus);
  add_text(message, kStatusMessage, status.message);
  if (status.code != model::StatusCode::Unset) {
    message.add_enum(kStatusCode, static_cast<int32_t>(status.code));
  }
}

// `scratch` is reused memory.
void write_span(std::string& bytes, const model::Span& span, std::string& scratch) {
  pbf_writer out(bytes);
  add_id(out, kSpanTraceId, span.trace_id);
  add_id(out, kSpanSpanId, span.span_id);
  add_text(out, kSpanTraceState, span.trace_state);
  add_id(out, kSpanParentSpanId, span.parent_span_id);
  add_text(out, kSpanName, span.name);
  if (span.kind != model::SpanKind::Unspecified) out.add_enum(kSpanKind, static_cast<int32_t>(span.kind));
  add_time(out, kSpanStart, span.start);
  add_time(out, kSpanEnd, span.end);
  add_attributes(out, kSpanAttributes, span.attributes);
  add_count(out, kSpanDroppedAttributesCount, span.dropped_attributes_count);
  for (const model::Event& event : span.events) {
    scratch.clear();
    write_event(scratch, event);
    out.add_message(kSpanEvents, scratch);
  }
  add_count(out, kSpanDroppedEventsCount, span.dropped_events_count);
  for (const model::Link& link : span.links) {
    scratch.clear();
    write_link(scratch, link);
    out.add_message(kSpanLinks, scratch);
  }
  add_count(out, kSpanDroppedLinksCount, span.dropped_links_count);
  add_status(out, span.status);
  if (span.flags != 0) out.add_fixed32(kSpanFlags, span.flags);
  bytes += span.unknown_fields;
}

}  // namespace

std::string identity_of(const model::Resource& resource) {
  std::string identity;
  pbf_writer(identity).add_string(kResourceSpansSchemaUrl, resource.schema_url);
  write_resource(identity, resource);
  return identity;
}

std::string identity_of(const model::Scope& scope) {
  std::string identity;
  pbf_writer(identity).add_string(kScopeSpansSchemaUrl, scope.schema_url);
  write_scope(identity, scope);
  return identity;
}

std::string encode_request(const model::SpanSet& set) {
  std::string request;
  pbf_writer out(request);
  std::string message;
  std::string scratch;
  for (const SpanGroup& resource_group : group_by_resource(set)) {
    const model::Resource& resource = set.resources[resource_group.resource];
    pbf_writer resource_spans(out, kRequestResourceSpans);
    message.clear();
    write_resource(message, resource);
    resource_spans.add_message(kResourceSpansResource, message);
    for (const SpanGroup::Scope& scope_group : resource_group.scopes) {
      const model::Scope& scope = set.scopes[scope_group.scope];
      pbf_writer scope_spans(resource_spans, kResourceSpansScopeSpans);
      message.clear();
      write_scope(message, scope);
      scope_spans.add_message(kScopeSpansScope, message);
      for (const model::Span* span : scope_group.spans) {
        message.clear();
        write_span(message, *span, scratch);
        scope_spans.add_message(kScopeSpansSpans, message);
      }
      add_text(scope_spans, kScopeSpansSchemaUrl, scope.schema_url);
    }
    add_text(resource_spans, kResourceSpansSchemaUrl, resource.schema_url);
  }
  return request;
}

}  // namespace backstitch::wire::otlp
