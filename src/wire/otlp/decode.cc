// Decoding goes field by field in the order of the bytes, as protobuf asks: the last scalar wins, repeated
// messages merge. A known field number with another wire type is an unknown field.
//
// Where something unknown has no place of its own in the model, it is kept in the unknown fields of the nearest
// message that has one, in a form that decodes to the same again:
//  - of a Status: as a Status field of its own beside the known one, since repeated messages merge;
//  - an enum number that we don't know: as that field;
//  - an attribute with a kind of value that we don't know: as that attribute.
//
// Attribute values recurse, no deeper than Limits::nesting_max, which is checked before each step down; nothing
// else does.
#include "wire/otlp/decode.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "wire/otlp/encode.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::wire::otlp {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr uint32_t bytes_field(uint32_t number) {
  return protozero::tag_and_type(number, pbf_wire_type::length_delimited);
}
constexpr uint32_t varint_field(uint32_t number) { return protozero::tag_and_type(number, pbf_wire_type::varint); }
constexpr uint32_t fixed32_field(uint32_t number) { return protozero::tag_and_type(number, pbf_wire_type::fixed32); }
constexpr uint32_t fixed64_field(uint32_t number) { return protozero::tag_and_type(number, pbf_wire_type::fixed64); }

// Stays inside this file, beside protozero's own exceptions.
struct TooDeep : std::exception {};

template <typename Id>
Id to_id(protozero::data_view bytes) {
  return bytes.size() == sizeof(Id) ? Id::from_bytes(bytes.data()) : Id{};
}

// The value's alternative T, made if it is another: one kind of value replaces another, the same kind merges.
template <typename T>
T& ensure(model::Value& value) {
  if (value.as<T>() == nullptr) value = T{};
  return std::get<T>(value.variant());
}

class Decoder {
 public:
  Decoder(std::string_view bytes, const model::Limits& limits)
      : bytes_(bytes), at_(bytes.data()), nesting_max_(limits.nesting_max) {}

  void decode_into(model::SpanSet& set) {
    pbf_reader request(bytes_.data(), bytes_.size());
    while (next(request)) {
      if (request.tag_and_type() == bytes_field(kRequestResourceSpans)) {
        resource_spans(request.get_message(), set);
      } else {
        request.skip();
      }
    }
  }

  // Of the field that was looked at last.
  size_t offset() const { return static_cast<size_t>(at_ - bytes_.data()); }

 private:
  bool next(pbf_reader& reader) {
    at_ = reader.data().data();
    return reader.next();
  }
  // The raw bytes of the field that began at `start` and that `reader` has passed.
  static void keep_raw(const char* start, const pbf_reader& reader, std::string& unknown) {
    unknown.append(start, static_cast<size_t>(reader.data().data() - start));
  }
  void keep_unknown(pbf_reader& reader, std::string& unknown) {
    const char* start = at_;
    reader.skip();
    keep_raw(start, reader, unknown);
  }

  void resource_spans(pbf_reader reader, model::SpanSet& set) {
    const auto index = static_cast<uint32_t>(set.resources.size());
    set.resources.emplace_back();
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kResourceSpansResource):
          resource(reader.get_message(), set.resources[index]);
          break;
        case bytes_field(kResourceSpansScopeSpans):
          scope_spans(reader.get_message(), index, set);
          break;
        case bytes_field(kResourceSpansSchemaUrl):
          set.resources[index].schema_url = reader.get_string();
          break;
        default:
          reader.skip();
      }
    }
  }

  void scope_spans(pbf_reader reader, uint32_t resource_index, model::SpanSet& set) {
    const auto index = static_cast<uint32_t>(set.scopes.size());
    set.scopes.emplace_back();
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kScopeSpansScope):
          scope(reader.get_message(), set.scopes[index]);
          break;
        case bytes_field(kScopeSpansSpans): {
          model::Span& one = set.spans.emplace_back();
          one.resource = resource_index;
          one.scope = index;
          span(reader.get_message(), one);
          break;
        }
        case bytes_field(kScopeSpansSchemaUrl):
          set.scopes[index].schema_url = reader.get_string();
          break;
        default:
          reader.skip();
      }
    }
  }

  void resource(pbf_reader reader, model::Resource& into) {
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kResourceAttributes):
          attribute(reader, into.attributes, into.unknown_fields);
          break;
        case varint_field(kResourceDroppedAttributesCount):
          into.dropped_attributes_count = reader.get_uint32();
          break;
        default:
          keep_unknown(reader, into.unknown_fields);
      }
    }
  }

  void scope(pbf_reader reader, model::Scope& into) {
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kScopeName):
          into.name = reader.get_string();
          break;
        case bytes_field(kScopeVersion):
          into.version = reader.get_string();
          break;
        case bytes_field(kScopeAttributes):
          attribute(reader, into.attributes, into.unknown_fields);
          break;
        case varint_field(kScopeDroppedAttributesCount):
          into.dropped_attributes_count = reader.get_uint32();
          break;
        default:
          keep_unknown(reader, into.unknown_fields);
      }
    }
  }

  void span(pbf_reader reader, model::Span& into) {
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kSpanTraceId):
          into.trace_id = to_id<model::TraceId>(reader.get_view());
          break;
        case bytes_field(kSpanSpanId):
          into.span_id = to_id<model::SpanId>(reader.get_view());
          break;
        case bytes_field(kSpanTraceState):
          into.trace_state = reader.get_string();
          break;
        case bytes_field(kSpanParentSpanId):
          into.parent_span_id = to_id<model::SpanId>(reader.get_view());
          break;
        case bytes_field(kSpanName):
          into.name = reader.get_string();
          break;
        case varint_field(kSpanKind):
          enumeration(reader, model::SpanKind::Consumer, into.kind, into.unknown_fields);
          break;
        case fixed64_field(kSpanStart):
          into.start = {reader.get_fixed64()};
          break;
        case fixed64_field(kSpanEnd):
          into.end = {reader.get_fixed64()};
          break;
        case bytes_field(kSpanAttributes):
          attribute(reader, into.attributes, into.unknown_fields);
          break;
        case varint_field(kSpanDroppedAttributesCount):
          into.dropped_attributes_count = reader.get_uint32();
          break;
        case bytes_field(kSpanEvents):
          event(reader.get_message(), into.events.emplace_back());
          break;
        case varint_field(kSpanDroppedEventsCount):
          into.dropped_events_count = reader.get_uint32();
          break;
        case bytes_field(kSpanLinks):
          link(reader.get_message(), into.links.emplace_back());
          break;
        case varint_field(kSpanDroppedLinksCount):
          into.dropped_links_count = reader.get_uint32();
          break;
        case bytes_field(kSpanStatus):
          status(reader.get_message(), into);
          break;
        case fixed32_field(kSpanFlags):
          into.flags = reader.get_fixed32();
          break;
        default:
          keep_unknown(reader, into.unknown_fields);
      }
    }
  }

  void event(pbf_reader reader, model::Event& into) {
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case fixed64_field(kEventTime):
          into.time = {reader.get_fixed64()};
          break;
        case bytes_field(kEventName):
          into.name = reader.get_string();
          break;
        case bytes_field(kEventAttributes):
          attribute(reader, into.attributes, into.unknown_fields);
          break;
        case varint_field(kEventDroppedAttributesCount):
          into.dropped_attributes_count = reader.get_uint32();
          break;
        default:
          keep_unknown(reader, into.unknown_fields);
      }
    }
  }

  void link(pbf_reader reader, model::Link& into) {
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kLinkTraceId):
          into.trace_id = to_id<model::TraceId>(reader.get_view());
          break;
        case bytes_field(kLinkSpanId):
          into.span_id = to_id<model::SpanId>(reader.get_view());
          break;
        case bytes_field(kLinkTraceState):
          into.trace_state = reader.get_string();
          break;
        case bytes_field(kLinkAttributes):
          attribute(reader, into.attributes, into.unknown_fields);
          break;
        case varint_field(kLinkDroppedAttributesCount):
          into.dropped_attributes_count = reader.get_uint32();
          break;
        case fixed32_field(kLinkFlags):
          into.flags = reader.get_fixed32();
          break;
        default:
          keep_unknown(reader, into.unknown_fields);
      }
    }
  }

  void status(pbf_reader reader, model::Span& span) {
    std::string unknown;
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kStatusMessage):
          span.status.message = reader.get_string();
          break;
        case varint_field(kStatusCode):
          enumeration(reader, model::StatusCode::Error, span.status.code, unknown);
          break;
        default:
          keep_unknown(reader, unknown);
      }
    }
    if (!unknown.empty()) protozero::pbf_writer(span.unknown_fields).add_bytes(kSpanStatus, unknown);
  }

  template <typename Enum>
  void enumeration(pbf_reader& reader, Enum last, Enum& into, std::string& unknown) {
    const char* start = at_;
    const uint64_t number = reader.get_uint64();
    if (number <= static_cast<uint64_t>(last)) {
      into = static_cast<Enum>(number);
    } else {
      keep_raw(start, reader, unknown);
    }
  }

  void attribute(pbf_reader& owner, model::Attributes& into, std::string& unknown) {
    const char* start = at_;
    if (key_value(owner.get_message(), into.emplace_back(), 0)) return;
    into.pop_back();
    keep_raw(start, owner, unknown);
  }

  // These three return false if some value is of a kind that we don't know. `depth` is the number of lists
  // around the value.
  bool key_value(pbf_reader reader, model::Attribute& into, uint32_t depth) {
    bool is_known = true;
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kKeyValueKey):
          into.key = reader.get_string();
          break;
        case bytes_field(kKeyValueValue):
          is_known &= value(reader.get_message(), into.value, depth);
          break;
        default:
          reader.skip();
      }
    }
    return is_known;
  }

  bool value(pbf_reader reader, model::Value& into, uint32_t depth) {
    bool has_unknown = false;
    bool is_known = true;
    while (next(reader)) {
      switch (reader.tag_and_type()) {
        case bytes_field(kAnyValueString):
          into = reader.get_string();
          break;
        case varint_field(kAnyValueBool):
          into = reader.get_uint64() != 0;
          break;
        case varint_field(kAnyValueInt):
          into = reader.get_int64();
          break;
        case fixed64_field(kAnyValueDouble):
          into = reader.get_double();
          break;
        case bytes_field(kAnyValueArray):
        case bytes_field(kAnyValueKeyValues):
          is_known &= list(reader, into, depth + 1);
          break;
        case bytes_field(kAnyValueBytes):
          into = model::Bytes{reader.get_string()};
          break;
        default:
          reader.skip();
          has_unknown = true;
      }
    }
    return is_known && !(has_unknown && into.is_empty());
  }

  bool list(pbf_reader& owner, model::Value& into, uint32_t depth) {
    if (depth > nesting_max_) throw TooDeep{};
    const bool is_array = owner.tag() == kAnyValueArray;
    if (is_array) {
      ensure<model::Array>(into);
    } else {
      ensure<model::KeyValues>(into);
    }
    bool is_known = true;
    pbf_reader reader = owner.get_message();
    while (next(reader)) {
      if (reader.tag_and_type() != bytes_field(kListValues)) {
        reader.skip();
      } else if (is_array) {
        is_known &= value(reader.get_message(), ensure<model::Array>(into).values.emplace_back(), depth);
      } else {
        is_known &= key_value(reader.get_message(), ensure<model::KeyValues>(into).entries.emplace_back(), depth);
      }
    }
    return is_known;
  }

  const std::string_view bytes_;
  const char* at_;
  const uint32_t nesting_max_;
};

// Gives equal things one index; `key` says what is equal.
class Interner {
 public:
  template <typename T>
  uint32_t intern(std::string key, T&& one, std::vector<std::decay_t<T>>& all) {
    const auto [slot, is_new] = indices_.try_emplace(std::move(key), static_cast<uint32_t>(all.size()));
    if (is_new) all.push_back(std::forward<T>(one));
    return slot->second;
  }

 private:
  absl::flat_hash_map<std::string, uint32_t> indices_;
};

template <typename T>
std::vector<uint32_t> share(std::vector<T> all, std::string (*key_of)(const T&), const std::vector<bool>& is_used,
                            std::vector<T>& shared) {
  Interner interner;
  std::vector<uint32_t> indices(all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    if (!is_used[i]) continue;
    std::string key = key_of(all[i]);
    indices[i] = interner.intern(std::move(key), std::move(all[i]), shared);
  }
  return indices;
}

}  // namespace

base::Result<model::SpanSet> decode_request(std::string_view bytes, const model::Limits& limits) {
  model::SpanSet set;
  Decoder decoder(bytes, limits);
  try {
    decoder.decode_into(set);
  } catch (const TooDeep&) {
    return base::fail(base::Errc::Malformed, fmt::format("attribute value at offset {} is nested deeper than {}",
                                                         decoder.offset(), limits.nesting_max));
  } catch (const protozero::exception& error) {
    return base::fail(base::Errc::Malformed,
                      fmt::format("no OTLP protobuf: {} at offset {}", error.what(), decoder.offset()));
  }
  return set;
}

base::Result<model::Trace> decode_trace(model::TraceId id, std::string_view bytes, const model::Limits& limits) {
  base::Result<model::SpanSet> set = decode_request(bytes, limits);
  if (!set) return std::unexpected(std::move(set.error()));

  std::vector<bool> resource_used(set->resources.size());
  std::vector<bool> scope_used(set->scopes.size());
  std::erase_if(set->spans, [&](const model::Span& span) { return span.trace_id != id; });
  for (const model::Span& span : set->spans) {
    resource_used[span.resource] = true;
    scope_used[span.scope] = true;
  }

  model::Trace trace;
  trace.id = id;
  const auto resources = share(std::move(set->resources), &identity_of, resource_used, trace.resources);
  const auto scopes = share(std::move(set->scopes), &identity_of, scope_used, trace.scopes);
  trace.spans = std::move(set->spans);
  for (model::Span& span : trace.spans) {
    span.resource = resources[span.resource];
    span.scope = scopes[span.scope];
  }
  return trace;
}

}  // namespace backstitch::wire::otlp
