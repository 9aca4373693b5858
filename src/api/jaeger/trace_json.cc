#include "api/jaeger/trace_json.h"

#include <algorithm>
#include <fmt/format.h>

namespace backstitch::api {
namespace {

using base::JsonWriter;

// Beyond these a JavaScript number is not exact, so the value goes as text.
constexpr int64_t kSafeIntegerMax = (int64_t{1} << 53) - 1;

constexpr const char* kServiceName = "service.name";
constexpr const char* kRefType = "opentracing.ref_type";
constexpr const char* kEvent = "event";

uint64_t to_micros(model::Timestamp time) { return time.unix_nanos / 1000; }
uint64_t to_micros(model::Duration duration) {
  return static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)) / 1000;
}

void write_typed(JsonWriter& json, const model::Value& value) {
  if (const auto* flag = value.as<bool>()) {
    json.field("type", "bool");
    json.field("value", *flag);
  } else if (const auto* number = value.as<int64_t>()) {
    json.field("type", "int64");
    json.key("value");
    if (*number > kSafeIntegerMax || *number < -kSafeIntegerMax) {
      json.quoted(*number);
    } else {
      json.value(*number);
    }
  } else if (const auto* real = value.as<double>()) {
    json.field("type", "float64");
    json.field("value", *real);
  } else {
    json.field("type", value.as<model::Bytes>() != nullptr ? "binary" : "string");
    json.field("value", model::to_text(value));
  }
}

void write_tag(JsonWriter& json, std::string_view key, const model::Value& value) {
  json.begin_object();
  json.field("key", key);
  write_typed(json, value);
  json.end_object();
}

void write_text_tag(JsonWriter& json, std::string_view key, const std::string& text) {
  if (!text.empty()) write_tag(json, key, text);
}

void write_status_tags(JsonWriter& json, const model::Status& status) {
  if (status.code == model::StatusCode::Ok) write_tag(json, "otel.status_code", "OK");
  if (status.code == model::StatusCode::Error) {
    write_tag(json, "otel.status_code", "ERROR");
    write_tag(json, "error", true);
  }
  write_text_tag(json, "otel.status_description", status.message);
}

void write_span_tags(JsonWriter& json, const model::Span& span, const model::Scope& scope) {
  json.key("tags");
  json.begin_array();
  write_text_tag(json, "otel.scope.name", scope.name);
  write_text_tag(json, "otel.scope.version", scope.version);
  for (const model::Attribute& attribute : span.attributes) write_tag(json, attribute.key, attribute.value);
  if (span.kind != model::SpanKind::Unspecified) write_tag(json, "span.kind", model::to_string(span.kind));
  write_status_tags(json, span.status);
  write_text_tag(json, "w3c.tracestate", span.trace_state);
  json.end_array();
}

struct Reference {
  model::TraceId trace_id;
  model::SpanId span_id;
  bool is_child_of = false;
};

// A link to the parent says of what type the parent's own reference is.
std::vector<Reference> references_of(const model::Span& span) {
  std::vector<Reference> references;
  if (!span.is_root()) references.push_back({span.trace_id, span.parent_span_id, true});
  for (const model::Link& link : span.links) {
    const model::Value* type = model::find(link.attributes, kRefType);
    const bool is_child_of = type != nullptr && model::to_text(*type) == "child_of";
    if (!span.is_root() && link.trace_id == span.trace_id && link.span_id == span.parent_span_id) {
      references[0].is_child_of = is_child_of;
    } else {
      references.push_back({link.trace_id, link.span_id, is_child_of});
    }
  }
  return references;
}

void write_references(JsonWriter& json, const model::Span& span) {
  json.key("references");
  json.begin_array();
  for (const Reference& reference : references_of(span)) {
    json.begin_object();
    json.field("refType", reference.is_child_of ? "CHILD_OF" : "FOLLOWS_FROM");
    json.field("traceID", reference.trace_id.to_hex());
    json.field("spanID", reference.span_id.to_hex());
    json.end_object();
  }
  json.end_array();
}

void write_logs(JsonWriter& json, const std::vector<model::Event>& events) {
  json.key("logs");
  json.begin_array();
  for (const model::Event& event : events) {
    json.begin_object();
    json.field("timestamp", to_micros(event.time));
    json.key("fields");
    json.begin_array();
    if (model::find(event.attributes, kEvent) == nullptr) write_text_tag(json, kEvent, event.name);
    for (const model::Attribute& attribute : event.attributes) write_tag(json, attribute.key, attribute.value);
    json.end_array();
    json.end_object();
  }
  json.end_array();
}

// The resource's number among those in use; 0 where no span uses it.
std::vector<uint32_t> number_processes(const model::Trace& trace) {
  std::vector<uint32_t> numbers(trace.resources.size());
  uint32_t count = 0;
  for (const model::Span& span : trace.spans) {
    if (numbers[span.resource] == 0) numbers[span.resource] = ++count;
  }
  return numbers;
}

std::string process_id(uint32_t number) { return fmt::format("p{}", number); }

void write_span(JsonWriter& json, const model::Span& span, const model::Scope& scope, uint32_t process) {
  json.begin_object();
  json.field("traceID", span.trace_id.to_hex());
  json.field("spanID", span.span_id.to_hex());
  json.field("operationName", span.name);
  write_references(json, span);
  json.field("startTime", to_micros(span.start));
  json.field("duration", to_micros(span.duration()));
  write_span_tags(json, span, scope);
  write_logs(json, span.events);
  json.field("processID", process_id(process));
  json.key("warnings");
  json.null();
  json.end_object();
}

void write_process(JsonWriter& json, const model::Resource& resource) {
  json.begin_object();
  json.field("serviceName", resource.service());
  json.key("tags");
  json.begin_array();
  for (const model::Attribute& attribute : resource.attributes) {
    if (attribute.key != kServiceName) write_tag(json, attribute.key, attribute.value);
  }
  json.end_array();
  json.end_object();
}

}  // namespace

void write_jaeger_trace(JsonWriter& json, const model::Trace& trace) {
  const std::vector<uint32_t> processes = number_processes(trace);
  json.begin_object();
  json.field("traceID", trace.id.to_hex());
  json.key("spans");
  json.begin_array();
  for (const model::Span& span : trace.spans) {
    write_span(json, span, trace.scopes[span.scope], processes[span.resource]);
  }
  json.end_array();
  json.key("processes");
  json.begin_object();
  for (size_t i = 0; i < processes.size(); ++i) {
    if (processes[i] == 0) continue;
    json.key(process_id(processes[i]));
    write_process(json, trace.resources[i]);
  }
  json.end_object();
  json.key("warnings");
  if (trace.is_partial) {
    json.begin_array();
    json.value("some of this trace is stored and cannot be read");
    json.end_array();
  } else {
    json.null();
  }
  json.end_object();
}

}  // namespace backstitch::api
