// Fields with their default are left out, as protobuf's JSON does, but for those that every reader looks for:
// a span's ids, name, kind and times.
#include "base/base64.h"
#include "base/json_writer.h"
#include "wire/otlp/json.h"
#include "wire/otlp/span_groups.h"

namespace backstitch::wire::otlp {
namespace {

using base::JsonWriter;

void text_field(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.field(name, text);
}
void count_field(JsonWriter& json, std::string_view name, uint32_t count) {
  if (count != 0) json.field(name, count);
}

void write_value(JsonWriter& json, const model::Value& value);

void write_attributes(JsonWriter& json, const model::Attributes& attributes) {
  json.begin_array();
  for (const model::Attribute& attribute : attributes) {
    json.begin_object();
    json.field("key", attribute.key);
    json.key("value");
    write_value(json, attribute.value);
    json.end_object();
  }
  json.end_array();
}

void attributes_field(JsonWriter& json, const model::Attributes& attributes) {
  if (attributes.empty()) return;
  json.key("attributes");
  write_attributes(json, attributes);
}

void write_array(JsonWriter& json, const model::Array& array) {
  json.begin_object();
  json.key("values");
  json.begin_array();
  for (const model::Value& element : array.values) write_value(json, element);
  json.end_array();
  json.end_object();
}

void write_key_values(JsonWriter& json, const model::KeyValues& map) {
  json.begin_object();
  json.key("values");
  write_attributes(json, map.entries);
  json.end_object();
}

// Recurses as deep as the value nests; decoding bounded that.
void write_value(JsonWriter& json, const model::Value& value) {
  json.begin_object();
  if (const auto* text = value.as<std::string>()) {
    json.field("stringValue", *text);
  } else if (const auto* flag = value.as<bool>()) {
    json.field("boolValue", *flag);
  } else if (const auto* number = value.as<int64_t>()) {
    json.quoted_field("intValue", *number);
  } else if (const auto* real = value.as<double>()) {
    json.field("doubleValue", *real);
  } else if (const auto* bytes = value.as<model::Bytes>()) {
    json.field("bytesValue", base::to_base64(bytes->data));
  } else if (const auto* array = value.as<model::Array>()) {
    json.key("arrayValue");
    write_array(json, *array);
  } else if (const auto* map = value.as<model::KeyValues>()) {
    json.key("kvlistValue");
    write_key_values(json, *map);
  }
  json.end_object();
}

void write_resource(JsonWriter& json, const model::Resource& resource) {
  json.begin_object();
  attributes_field(json, resource.attributes);
  count_field(json, "droppedAttributesCount", resource.dropped_attributes_count);
  json.end_object();
}

void write_scope(JsonWriter& json, const model::Scope& scope) {
  json.begin_object();
  text_field(json, "name", scope.name);
  text_field(json, "version", scope.version);
  attributes_field(json, scope.attributes);
  count_field(json, "droppedAttributesCount", scope.dropped_attributes_count);
  json.end_object();
}

void write_event(JsonWriter& json, const model::Event& event) {
  json.begin_object();
  json.quoted_field("timeUnixNano", event.time.unix_nanos);
  json.field("name", event.name);
  attributes_field(json, event.attributes);
  count_field(json, "droppedAttributesCount", event.dropped_attributes_count);
  json.end_object();
}

void write_link(JsonWriter& json, const model::Link& link) {
  json.begin_object();
  json.field("traceId", link.trace_id.to_hex());
  json.field("spanId", link.span_id.to_hex());
  text_field(json, "traceState", link.trace_state);
  attributes_field(json, link.attributes);
  count_field(json, "droppedAttributesCount", link.dropped_attributes_count);
  count_field(json, "flags", link.flags);
  json.end_object();
}

void write_events(JsonWriter& json, const std::vector<model::Event>& events) {
  if (events.empty()) return;
  json.key("events");
  json.begin_array();
  for (const model::Event& event : events) write_event(json, event);
  json.end_array();
}

void write_links(JsonWriter& json, const std::vector<model::Link>& links) {
  if (links.empty()) return;
  json.key("links");
  json.begin_array();
  for (const model::Link& link : links) write_link(json, link);
  json.end_array();
}

void write_status(JsonWriter& json, const model::Status& status) {
  if (status == model::Status{}) return;
  json.key("status");
  json.begin_object();
  text_field(json, "message", status.message);
  count_field(json, "code", static_cast<uint32_t>(status.code));
  json.end_object();
}

void write_span(JsonWriter& json, const model::Span& span) {
  json.begin_object();
  json.field("traceId", span.trace_id.to_hex());
  json.field("spanId", span.span_id.to_hex());
  text_field(json, "traceState", span.trace_state);
  if (!span.is_root()) json.field("parentSpanId", span.parent_span_id.to_hex());
  count_field(json, "flags", span.flags);
  json.field("name", span.name);
  json.field("kind", static_cast<uint32_t>(span.kind));
  json.quoted_field("startTimeUnixNano", span.start.unix_nanos);
  json.quoted_field("endTimeUnixNano", span.end.unix_nanos);
  attributes_field(json, span.attributes);
  count_field(json, "droppedAttributesCount", span.dropped_attributes_count);
  write_events(json, span.events);
  count_field(json, "droppedEventsCount", span.dropped_events_count);
  write_links(json, span.links);
  count_field(json, "droppedLinksCount", span.dropped_links_count);
  write_status(json, span.status);
  json.end_object();
}

void write_scope_spans(JsonWriter& json, const model::Scope& scope, const std::vector<const model::Span*>& spans) {
  json.begin_object();
  json.key("scope");
  write_scope(json, scope);
  json.key("spans");
  json.begin_array();
  for (const model::Span* span : spans) write_span(json, *span);
  json.end_array();
  text_field(json, "schemaUrl", scope.schema_url);
  json.end_object();
}

void write_resource_spans(JsonWriter& json, const model::SpanSet& set, const SpanGroup& group) {
  const model::Resource& resource = set.resources[group.resource];
  json.begin_object();
  json.key("resource");
  write_resource(json, resource);
  json.key("scopeSpans");
  json.begin_array();
  for (const SpanGroup::Scope& scope : group.scopes) {
    write_scope_spans(json, set.scopes[scope.scope], scope.spans);
  }
  json.end_array();
  text_field(json, "schemaUrl", resource.schema_url);
  json.end_object();
}

}  // namespace

std::string encode_request_json(const model::SpanSet& spans) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("resourceSpans");
  json.begin_array();
  write_resource_spans_json(spans, json);
  json.end_array();
  json.end_object();
  return out;
}

void write_resource_spans_json(const model::SpanSet& spans, JsonWriter& json) {
  for (const SpanGroup& group : group_by_resource(spans)) write_resource_spans(json, spans, group);
}

void append_attributes_json(const model::Attributes& attributes, std::string& out) {
  JsonWriter json(out);
  write_attributes(json, attributes);
}

void append_value_json(const model::Value& value, std::string& out) {
  JsonWriter json(out);
  write_value(json, value);
}

}  // namespace backstitch::wire::otlp
