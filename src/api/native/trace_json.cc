#include "api/native/trace_json.h"

#include "api/native/answers.h"
#include "api/native/fragments.h"
#include "wire/otlp/json.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;

std::string hex_or_empty(const model::SpanId& id) { return id.is_valid() ? id.to_hex() : std::string(); }

void write_attributes(JsonWriter& json, const model::Attributes& attributes, uint32_t dropped_count) {
  write_attribute_list(json, "attributes", attributes);
  json.field("droppedAttributesCount", dropped_count);
}

void write_resource(JsonWriter& json, const model::Resource& resource) {
  json.begin_object();
  json.field("service", resource.service());
  write_attributes(json, resource.attributes, resource.dropped_attributes_count);
  json.field("schemaUrl", resource.schema_url);
  json.end_object();
}

void write_scope(JsonWriter& json, const model::Scope& scope) {
  json.begin_object();
  json.field("name", scope.name);
  json.field("version", scope.version);
  write_attributes(json, scope.attributes, scope.dropped_attributes_count);
  json.field("schemaUrl", scope.schema_url);
  json.end_object();
}

void write_event(JsonWriter& json, const model::Event& event) {
  json.begin_object();
  json.quoted_field("timeUnixNano", event.time.unix_nanos);
  json.field("name", event.name);
  write_attributes(json, event.attributes, event.dropped_attributes_count);
  json.end_object();
}

void write_link(JsonWriter& json, const model::Link& link) {
  json.begin_object();
  json.field("traceId", link.trace_id.to_hex());
  json.field("spanId", link.span_id.to_hex());
  json.field("traceState", link.trace_state);
  json.field("flags", link.flags);
  write_attributes(json, link.attributes, link.dropped_attributes_count);
  json.end_object();
}

template <typename T>
void write_list(JsonWriter& json, std::string_view name, const std::vector<T>& list,
                void (*write_one)(JsonWriter&, const T&)) {
  json.key(name);
  json.begin_array();
  for (const T& one : list) write_one(json, one);
  json.end_array();
}

void write_status(JsonWriter& json, const model::Status& status) {
  json.key("status");
  json.begin_object();
  json.field("code", model::to_string(status.code));
  json.field("message", status.message);
  json.end_object();
}

void write_span(JsonWriter& json, const model::Span& span) {
  json.begin_object();
  json.field("spanId", span.span_id.to_hex());
  json.field("parentSpanId", hex_or_empty(span.parent_span_id));
  json.field("resource", span.resource);
  json.field("scope", span.scope);
  json.field("name", span.name);
  json.field("kind", model::to_string(span.kind));
  json.quoted_field("startTimeUnixNano", span.start.unix_nanos);
  json.quoted_field("durationNano", span.duration().count());
  write_status(json, span.status);
  json.field("traceState", span.trace_state);
  json.field("flags", span.flags);
  write_attributes(json, span.attributes, span.dropped_attributes_count);
  write_list(json, "events", span.events, &write_event);
  json.field("droppedEventsCount", span.dropped_events_count);
  write_list(json, "links", span.links, &write_link);
  json.field("droppedLinksCount", span.dropped_links_count);
  json.end_object();
}

void write_service_count(JsonWriter& json, const model::ServiceCount& service) {
  json.begin_object();
  json.field("name", service.service);
  json.field("spanCount", service.span_count);
  json.field("errorCount", service.error_count);
  json.end_object();
}

void write_found_span(JsonWriter& json, const store::FoundSpan& span) {
  json.begin_object();
  json.field("spanId", span.span_id.to_hex());
  json.field("service", span.service);
  json.field("name", span.name);
  json.quoted_field("startTimeUnixNano", span.start.unix_nanos);
  json.quoted_field("durationNano", span.duration.count());
  write_attribute_list(json, "attributes", span.attributes);
  json.end_object();
}

}  // namespace

void write_native_trace(JsonWriter& json, const model::Trace& trace, const query::Missing& missing) {
  const model::TraceSummary summary = model::summarize(trace);
  json.begin_object();
  json.field("traceId", trace.id.to_hex());
  json.field("open", trace.is_open);
  json.field("partial", trace.is_partial);
  write_missing(json, missing);
  json.quoted_field("startTimeUnixNano", summary.start.unix_nanos);
  json.quoted_field("durationNano", summary.duration().count());
  json.field("spanCount", summary.span_count);
  json.field("errorCount", summary.error_count);
  write_fragments(json, trace.fragments);
  write_list(json, "resources", trace.resources, &write_resource);
  write_list(json, "scopes", trace.scopes, &write_scope);
  write_list(json, "spans", trace.spans, &write_span);
  json.end_object();
}

void write_native_found_trace(JsonWriter& json, const store::FoundTrace& found) {
  const model::TraceSummary& summary = found.summary;
  json.begin_object();
  json.field("traceId", summary.id.to_hex());
  json.field("rootService", summary.root_service);
  json.field("rootOperation", summary.root_operation);
  json.quoted_field("startTimeUnixNano", summary.start.unix_nanos);
  json.quoted_field("durationNano", summary.duration().count());
  json.field("spanCount", summary.span_count);
  json.field("errorCount", summary.error_count);
  json.field("orphanCount", summary.orphan_count);
  json.field("open", summary.is_open);
  write_list(json, "services", summary.services, &write_service_count);
  json.field("matchedSpans", found.matched_spans);
  write_list(json, "spans", found.spans, &write_found_span);
  json.end_object();
}

void write_attribute_list(JsonWriter& json, std::string_view name, const model::Attributes& attributes) {
  json.key(name);
  wire::otlp::append_attributes_json(attributes, json.raw_value());
}

}  // namespace backstitch::api
