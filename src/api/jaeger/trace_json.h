// A trace as Jaeger's v1 JSON shows one that came as OTLP. Private to api/jaeger.
//
// What OTLP has fields for and Jaeger has not becomes tags, in this order: otel.scope.name, otel.scope.version, the
// attributes, span.kind, otel.status_code, error, otel.status_description, w3c.tracestate. A parent is a CHILD_OF
// reference and stands first, links are FOLLOWS_FROM unless their attribute opentracing.ref_type says child_of; an
// event is a log with its name in the field "event". Resources are processes p1, p2, … in the order of first use.
#pragma once

#include "base/json_writer.h"
#include "model/trace.h"

namespace backstitch::api {

void write_jaeger_trace(base::JsonWriter& json, const model::Trace& trace);

}  // namespace backstitch::api
