// Decoding goes field by field in the order of the bytes, as protobuf asks: the last scalar wins, repeated
// messages merge. A known field number with another wire type is an unknown field.
//
// Where something unknown has no place of its own in the model, it is kept in the unknown fields of the nearest
// message that has one, in a form that decodes to the same again:
//  - of a Status: as a Status field of its own beside the known one, since repeated messages merge;
//  - an enum number that we don't know: as that field;
//  - an attribute with a kind of key or value that we don't know: as that attribute.
//
// Attribute values recurse, no deeper than Limits::nesting_max, which is checked before each step down; nothing
// else does.
#include "wire/otlp/decode.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <protozero/pbf_writer.hpp>

#include "wire/otlp/cursor.h"
#include "wire/otlp/decode_bound.h"
#include "wire/otlp/encode.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::wire::otlp {
namespace {

constexpr uint32_t bytes_field(uint32_t number) { return tag_of(number, WireType::Bytes); }
constexpr uint32_t varint_field(uint32_t number) { return tag_of(number, WireType::Varint); }
constexpr uint32_t fixed32_field(uint32_t number) { return tag_of(number, WireType::Fixed32); }
constexpr uint32_t fixed64_field(uint32_t number) { return tag_of(number, WireType::Fixed64); }

// Stays inside this file, as WireFault and OverBound do.
struct TooDeep {
  const char* at;
};

template <typename Id>
Id id_of(Cursor bytes) {
  return bytes.size() == sizeof(Id) ? Id::from_bytes(bytes.position()) : Id{};
}

// The value's alternative T, made if it is another: one kind of value replaces another, the same kind merges.
template <typename T>
T& ensure(model::Value& value) {
  if (value.as<T>() == nullptr) value = T{};
  return std::get<T>(value.variant());
}

class Decoder {
 public:
  explicit Decoder(const model::Limits& limits) : nesting_max_(limits.nesting_max), bound_(limits) {}

  void request(Cursor in, model::SpanSet& set) {
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      if (tag == bytes_field(kRequestResourceSpans)) {
        resource_spans(in.bytes(), set);
      } else {
        in.skip(tag);
      }
    }
  }

 private:
  template <typename T>
  T& append(std::vector<T>& list) {
    bound_.take(sizeof(T));
    return list.emplace_back();
  }
  static std::string text(Cursor& in) { return std::string(in.bytes().view()); }
  static uint32_t count(Cursor& in) { return static_cast<uint32_t>(in.varint()); }
  static model::Timestamp time(Cursor& in) { return {in.fixed<uint64_t>()}; }

  // The raw bytes of the field that began at `start` and that `in` has passed.
  static void keep_raw(const char* start, const Cursor& in, std::string& unknown) {
    unknown.append(start, static_cast<const char*>(in.position()));
  }
  static void keep_unknown(const char* start, uint32_t tag, Cursor& in, std::string& unknown) {
    in.skip(tag);
    keep_raw(start, in, unknown);
  }

  void resource_spans(Cursor in, model::SpanSet& set) {
    const auto index = static_cast<uint32_t>(set.resources.size());
    append(set.resources);
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kResourceSpansResource):
          resource(in.bytes(), set.resources[index]);
          break;
        case bytes_field(kResourceSpansScopeSpans):
          scope_spans(in.bytes(), index, set);
          break;
        case bytes_field(kResourceSpansSchemaUrl):
          set.resources[index].schema_url = text(in);
          break;
        default:
          in.skip(tag);
      }
    }
  }

  void scope_spans(Cursor in, uint32_t resource_index, model::SpanSet& set) {
    const auto index = static_cast<uint32_t>(set.scopes.size());
    append(set.scopes);
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kScopeSpansScope):
          scope(in.bytes(), set.scopes[index]);
          break;
        case bytes_field(kScopeSpansSpans): {
          model::Span& one = append(set.spans);
          one.resource = resource_index;
          one.scope = index;
          span(in.bytes(), one);
          break;
        }
        case bytes_field(kScopeSpansSchemaUrl):
          set.scopes[index].schema_url = text(in);
          break;
        default:
          in.skip(tag);
      }
    }
  }

  void resource(Cursor in, model::Resource& into) {
    while (!in.at_end()) {
      const char* start = in.position();
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kResourceAttributes):
          attribute(start, in, into.attributes, into.unknown_fields);
          break;
        case varint_field(kResourceDroppedAttributesCount):
          into.dropped_attributes_count = count(in);
          break;
        default:
          keep_unknown(start, tag, in, into.unknown_fields);
      }
    }
  }

  void scope(Cursor in, model::Scope& into) {
    while (!in.at_end()) {
      const char* start = in.position();
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kScopeName):
          into.name = text(in);
          break;
        case bytes_field(kScopeVersion):
          into.version = text(in);
          break;
        case bytes_field(kScopeAttributes):
          attribute(start, in, into.attributes, into.unknown_fields);
          break;
        case varint_field(kScopeDroppedAttributesCount):
          into.dropped_attributes_count = count(in);
          break;
        default:
          keep_unknown(start, tag, in, into.unknown_fields);
      }
    }
  }

  void span(Cursor in, model::Span& into) {
    while (!in.at_end()) {
      const char* start = in.position();
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kSpanTraceId):
          into.trace_id = id_of<model::TraceId>(in.bytes());
          break;
        case bytes_field(kSpanSpanId):
          into.span_id = id_of<model::SpanId>(in.bytes());
          break;
        case bytes_field(kSpanTraceState):
          into.trace_state = text(in);
          break;
        case bytes_field(kSpanParentSpanId):
          into.parent_span_id = id_of<model::SpanId>(in.bytes());
          break;
        case bytes_field(kSpanName):
          into.name = text(in);
          break;
        case varint_field(kSpanKind):
          enumeration(start, in, model::SpanKind::Consumer, into.kind, into.unknown_fields);
          break;
        case fixed64_field(kSpanStart):
          into.start = time(in);
          break;
        case fixed64_field(kSpanEnd):
          into.end = time(in);
          break;
        case bytes_field(kSpanAttributes):
          attribute(start, in, into.attributes, into.unknown_fields);
          break;
        case varint_field(kSpanDroppedAttributesCount):
          into.dropped_attributes_count = count(in);
          break;
        case bytes_field(kSpanEvents):
          event(in.bytes(), append(into.events));
          break;
        case varint_field(kSpanDroppedEventsCount):
          into.dropped_events_count = count(in);
          break;
        case bytes_field(kSpanLinks):
          link(in.bytes(), append(into.links));
          break;
        case varint_field(kSpanDroppedLinksCount):
          into.dropped_links_count = count(in);
          break;
        case bytes_field(kSpanStatus):
          status(in.bytes(), into);
          break;
        case fixed32_field(kSpanFlags):
          into.flags = in.fixed<uint32_t>();
          break;
        default:
          keep_unknown(start, tag, in, into.unknown_fields);
      }
    }
  }

  void event(Cursor in, model::Event& into) {
    while (!in.at_end()) {
      const char* start = in.position();
      const uint32_t tag = in.tag();
      switch (tag) {
        case fixed64_field(kEventTime):
          into.time = time(in);
          break;
        case bytes_field(kEventName):
          into.name = text(in);
          break;
        case bytes_field(kEventAttributes):
          attribute(start, in, into.attributes, into.unknown_fields);
          break;
        case varint_field(kEventDroppedAttributesCount):
          into.dropped_attributes_count = count(in);
          break;
        default:
          keep_unknown(start, tag, in, into.unknown_fields);
      }
    }
  }

  void link(Cursor in, model::Link& into) {
    while (!in.at_end()) {
      const char* start = in.position();
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kLinkTraceId):
          into.trace_id = id_of<model::TraceId>(in.bytes());
          break;
        case bytes_field(kLinkSpanId):
          into.span_id = id_of<model::SpanId>(in.bytes());
          break;
        case bytes_field(kLinkTraceState):
          into.trace_state = text(in);
          break;
        case bytes_field(kLinkAttributes):
          attribute(start, in, into.attributes, into.unknown_fields);
          break;
        case varint_field(kLinkDroppedAttributesCount):
          into.dropped_attributes_count = count(in);
          break;
        case fixed32_field(kLinkFlags):
          into.flags = in.fixed<uint32_t>();
          break;
        default:
          keep_unknown(start, tag, in, into.unknown_fields);
      }
    }
  }

  void status(Cursor in, model::Span& span) {
    std::string unknown;
    while (!in.at_end()) {
      const char* start = in.position();
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kStatusMessage):
          span.status.message = text(in);
          break;
        case varint_field(kStatusCode):
          enumeration(start, in, model::StatusCode::Error, span.status.code, unknown);
          break;
        default:
          keep_unknown(start, tag, in, unknown);
      }
    }
    if (!unknown.empty()) protozero::pbf_writer(span.unknown_fields).add_bytes(kSpanStatus, unknown);
  }

  template <typename Enum>
  static void enumeration(const char* start, Cursor& in, Enum last, Enum& into, std::string& unknown) {
    const uint64_t number = in.varint();
    if (number <= static_cast<uint64_t>(last)) {
      into = static_cast<Enum>(number);
    } else {
      keep_raw(start, in, unknown);
    }
  }

  void attribute(const char* start, Cursor& owner, model::Attributes& into, std::string& unknown) {
    if (key_value(owner.bytes(), append(into), 0)) return;
    into.pop_back();
    keep_raw(start, owner, unknown);
  }

  // These three return false if some key or value is of a kind that we don't know. `depth` is the number of lists
  // around the value.
  bool key_value(Cursor in, model::Attribute& into, uint32_t depth) {
    bool has_unknown = false;
    bool is_known = true;
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kKeyValueKey):
          into.key = text(in);
          break;
        case bytes_field(kKeyValueValue):
          is_known &= value(in.bytes(), into.value, depth);
          break;
        default:
          in.skip(tag);
          has_unknown = true;
      }
    }
    // Such as a key that is an index into a table of strings.
    return is_known && !(has_unknown && into.key.empty());
  }

  bool value(Cursor in, model::Value& into, uint32_t depth) {
    bool has_unknown = false;
    bool is_known = true;
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      switch (tag) {
        case bytes_field(kAnyValueString):
          into = text(in);
          break;
        case varint_field(kAnyValueBool):
          into = in.varint() != 0;
          break;
        case varint_field(kAnyValueInt):
          into = static_cast<int64_t>(in.varint());
          break;
        case fixed64_field(kAnyValueDouble):
          into = in.fixed<double>();
          break;
        case bytes_field(kAnyValueArray):
        case bytes_field(kAnyValueKeyValues):
          is_known &= list(tag == bytes_field(kAnyValueArray), in.bytes(), into, depth + 1);
          break;
        case bytes_field(kAnyValueBytes):
          into = model::Bytes{text(in)};
          break;
        default:
          in.skip(tag);
          has_unknown = true;
      }
    }
    return is_known && !(has_unknown && into.is_empty());
  }

  bool list(bool is_array, Cursor in, model::Value& into, uint32_t depth) {
    if (depth > nesting_max_) throw TooDeep{in.position()};
    auto* values = is_array ? &ensure<model::Array>(into).values : nullptr;
    auto* entries = is_array ? nullptr : &ensure<model::KeyValues>(into).entries;
    bool is_known = true;
    while (!in.at_end()) {
      const uint32_t tag = in.tag();
      if (tag != bytes_field(kListValues)) {
        in.skip(tag);
      } else if (is_array) {
        is_known &= value(in.bytes(), append(*values), depth);
      } else {
        is_known &= key_value(in.bytes(), append(*entries), depth);
      }
    }
    return is_known;
  }

  const uint32_t nesting_max_;
  DecodeBound bound_;
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
  try {
    Decoder(limits).request(Cursor::reading(bytes), set);
  } catch (const TooDeep& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("attribute value at offset {} is nested deeper than {}",
                                                         fault.at - bytes.data(), limits.nesting_max));
  } catch (const WireFault& fault) {
    return base::fail(base::Errc::Malformed,
                      fmt::format("no OTLP protobuf: {} at offset {}", fault.what, fault.at - bytes.data()));
  } catch (const OverBound&) {
    return base::fail(base::Errc::TooLarge,
                      fmt::format("{} bytes of OTLP decode to more than {}", bytes.size(), limits.decoded_bytes_max));
  }
  return set;
}

base::Result<model::Trace> decode_trace(model::TraceId id, std::string_view bytes, const model::Limits& limits) {
  // What was accepted and stored must be readable.
  model::Limits unbounded = limits;
  unbounded.decoded_bytes_max = UINT64_MAX;
  base::Result<model::SpanSet> set = decode_request(bytes, unbounded);
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
