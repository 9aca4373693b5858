#include "wire/otlp/visit.h"

#include <fmt/format.h>
#include <protozero/exception.hpp>
#include <protozero/pbf_writer.hpp>
#include <type_traits>

#include "wire/otlp/cursor.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/otlp_fields.h"

// Cursor throws where a field leaves its message; visit() and scalar_of() are where that ends. It takes what the walk
// and decode.h take: whatever is in the log must get through here.

namespace backstitch::wire::otlp {
namespace {

using model::AttributeLevel;

using enum WireType;

constexpr uint32_t bytes_field(uint32_t number) { return tag_of(number, Bytes); }
constexpr uint32_t varint_field(uint32_t number) { return tag_of(number, Varint); }
constexpr uint32_t fixed64_field(uint32_t number) { return tag_of(number, Fixed64); }

template <typename Id>
Id id_of(Cursor& reader) {
  const std::string_view bytes = reader.bytes().view();
  return bytes.size() == sizeof(Id) ? Id::from_bytes(bytes.data()) : Id{};
}

// The value of `number`, or `otherwise` where OTLP has no such value.
template <typename Enum>
Enum enum_of(uint64_t number, Enum last, Enum otherwise) {
  return number <= static_cast<uint64_t>(last) ? static_cast<Enum>(number) : otherwise;
}

class Pass {
 public:
  explicit Pass(TraceVisitor& visitor) : visitor_(visitor) {}

  void request(Cursor reader) {
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      if (tag == bytes_field(kRequestResourceSpans)) {
        resource_spans(reader.bytes());
      } else {
        reader.skip(tag);
      }
    }
  }

 private:
  // What spans belong to may stand behind them, so these two levels are read twice.
  void resource_spans(Cursor reader) {
    visitor_.on_resource();
    for (Cursor first = reader; !first.at_end();) {
      const uint32_t tag = first.tag();
      if (tag == bytes_field(kResourceSpansResource)) {
        attributes_in(first.bytes(), kResourceAttributes, AttributeLevel::Resource);
      } else {
        first.skip(tag);
      }
    }
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      if (tag == bytes_field(kResourceSpansScopeSpans)) {
        scope_spans(reader.bytes());
      } else {
        reader.skip(tag);
      }
    }
  }

  void scope_spans(Cursor reader) {
    for (Cursor first = reader; !first.at_end();) {
      const uint32_t tag = first.tag();
      if (tag == bytes_field(kScopeSpansScope)) {
        attributes_in(first.bytes(), kScopeAttributes, AttributeLevel::Scope);
      } else {
        first.skip(tag);
      }
    }
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      if (tag == bytes_field(kScopeSpansSpans)) {
        span(reader.bytes());
      } else {
        reader.skip(tag);
      }
    }
  }

  void span(Cursor reader) {
    SpanOutline span;
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      switch (tag) {
        case bytes_field(kSpanTraceId):
          span.trace_id = id_of<model::TraceId>(reader);
          break;
        case bytes_field(kSpanSpanId):
          span.span_id = id_of<model::SpanId>(reader);
          break;
        case bytes_field(kSpanParentSpanId):
          span.parent_span_id = id_of<model::SpanId>(reader);
          break;
        case bytes_field(kSpanName):
          span.name = reader.bytes().view();
          break;
        case varint_field(kSpanKind):
          span.kind = enum_of(reader.varint(), model::SpanKind::Consumer, span.kind);
          break;
        case fixed64_field(kSpanStart):
          span.start = {reader.fixed<uint64_t>()};
          break;
        case fixed64_field(kSpanEnd):
          span.end = {reader.fixed<uint64_t>()};
          break;
        case bytes_field(kSpanAttributes):
          attribute(reader.bytes(), AttributeLevel::Span);
          break;
        case bytes_field(kSpanEvents):
          attributes_in(reader.bytes(), kEventAttributes, AttributeLevel::Event);
          break;
        case bytes_field(kSpanLinks):
          attributes_in(reader.bytes(), kLinkAttributes, AttributeLevel::Link);
          break;
        case bytes_field(kSpanStatus):
          status(reader.bytes(), span);
          break;
        default:
          reader.skip(tag);
      }
    }
    visitor_.on_span(span);
  }

  static void status(Cursor reader, SpanOutline& span) {
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      if (tag == varint_field(kStatusCode)) {
        span.status = enum_of(reader.varint(), model::StatusCode::Error, span.status);
      } else {
        reader.skip(tag);
      }
    }
  }

  void attributes_in(Cursor reader, uint32_t number, AttributeLevel level) {
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      if (tag == bytes_field(number)) {
        attribute(reader.bytes(), level);
      } else {
        reader.skip(tag);
      }
    }
  }

  void attribute(Cursor reader, AttributeLevel level) {
    std::string_view key;
    std::string_view value;
    while (!reader.at_end()) {
      const uint32_t tag = reader.tag();
      switch (tag) {
        case bytes_field(kKeyValueKey):
          key = reader.bytes().view();
          break;
        case bytes_field(kKeyValueValue):
          value = reader.bytes().view();
          break;
        default:
          reader.skip(tag);
      }
    }
    visitor_.on_attribute(level, key, value);
  }

  TraceVisitor& visitor_;
};

ScalarView scalar_in(Cursor reader, bool& is_scalar) {
  ScalarView value;
  while (!reader.at_end()) {
    const uint32_t tag = reader.tag();
    switch (tag) {
      case bytes_field(kAnyValueString):
        value = reader.bytes().view();
        break;
      case varint_field(kAnyValueBool):
        value = reader.varint() != 0;
        break;
      case varint_field(kAnyValueInt):
        value = static_cast<int64_t>(reader.varint());
        break;
      case fixed64_field(kAnyValueDouble):
        value = reader.fixed<double>();
        break;
      default:
        is_scalar = false;
        return value;
    }
  }
  return value;
}

model::Value value_of(const ScalarView& scalar) {
  return std::visit(
      [](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return model::Value();
        } else {
          return model::Value(value);
        }
      },
      scalar);
}

// A request with `any_value` as its only attribute, of its only resource.
std::string request_around(std::string_view any_value) {
  std::string request;
  {  // a message ends with its writer
    protozero::pbf_writer writer(request);
    protozero::pbf_writer resource_spans(writer, kRequestResourceSpans);
    protozero::pbf_writer resource(resource_spans, kResourceSpansResource);
    protozero::pbf_writer attribute(resource, kResourceAttributes);
    attribute.add_bytes(kKeyValueValue, any_value.data(), any_value.size());
  }
  return request;
}

}  // namespace

base::Result<> visit(std::string_view bytes, TraceVisitor& visitor) {
  try {
    Pass(visitor).request(Cursor::reading(bytes));
    return {};
  } catch (const WireFault& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("TracesData of {} bytes: {}", bytes.size(), fault.what));
  }
}

std::optional<ScalarView> scalar_of(std::string_view any_value) {
  try {
    bool is_scalar = true;
    const ScalarView value = scalar_in(Cursor::reading(any_value), is_scalar);
    if (is_scalar) return value;
  } catch (const WireFault&) {
    // visit() doesn't look inside values; decode_trace says what is wrong with this one.
  }
  return std::nullopt;
}

std::string text_of(std::string_view any_value) {
  if (const auto scalar = scalar_of(any_value)) return model::to_text(value_of(*scalar));
  const auto decoded = decode_request(request_around(any_value));
  if (!decoded || decoded->resources.empty() || decoded->resources[0].attributes.empty()) return "";
  return model::to_text(decoded->resources[0].attributes[0].value);
}

}  // namespace backstitch::wire::otlp
