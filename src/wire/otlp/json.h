// OTLP/JSON to and from model values: protobuf's JSON mapping with OTLP's deviations (ids as hex, enums as
// integers). https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
#pragma once

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"
#include "model/limits.h"
#include "model/trace.h"

namespace backstitch::wire::otlp {

// Takes lowerCamel and the proto's snake_case names, 64-bit numbers as strings or numbers, enums as integers or
// names; ignores unknown fields and nulls. Malformed says where: the path of the field. TooLarge beyond
// `limits.decoded_bytes_max`.
//
// What is wrong with one span must not cost the others, so the walk is left to reject it by what it finds: ids that
// are missing or none become all zeros (the span's own too where its parent's is none), and of what nests deeper than
// `limits.nesting_max` one empty list too many stays.
base::Result<model::SpanSet> decode_request_json(std::string_view json, const model::Limits& limits = {});

// {"resourceSpans":[…]}; 64-bit numbers as strings, text that is no UTF-8 with U+FFFD in its place. Unknown
// protobuf fields have no JSON form and are left out.
std::string encode_request_json(const model::SpanSet& spans);

// Only the elements of the `resourceSpans` array, into an array that the caller began: several traces may share one.
void write_resource_spans_json(const model::SpanSet& spans, base::JsonWriter& json);

// The `attributes` array, as the native and Jaeger v3 APIs embed it.
void append_attributes_json(const model::Attributes& attributes, std::string& out);
void append_value_json(const model::Value& value, std::string& out);

}  // namespace backstitch::wire::otlp
