#include "wire/otlp/visit.h"

#include <fmt/format.h>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <type_traits>

#include "wire/otlp/decode.h"
#include "wire/otlp/otlp_fields.h"

// protozero throws where a field leaves its message; visit() and scalar_of() are where that ends.

namespace backstitch::wire::otlp {
namespace {

using model::AttributeLevel;
using protozero::pbf_reader;

constexpr auto kBytes = protozero::pbf_wire_type::length_delimited;

constexpr uint32_t field(uint32_t number, protozero::pbf_wire_type type) {
  return protozero::tag_and_type(number, type);
}
constexpr uint32_t bytes_field(uint32_t number) { return field(number, kBytes); }
constexpr uint32_t varint_field(uint32_t number) { return field(number, protozero::pbf_wire_type::varint); }
constexpr uint32_t fixed64_field(uint32_t number) { return field(number, protozero::pbf_wire_type::fixed64); }

std::string_view view_of(pbf_reader& reader) {
  const protozero::data_view bytes = reader.get_view();
  return {bytes.data(), bytes.size()};
}

template <typename Id>
Id id_of(pbf_reader& reader) {
  const std::string_view bytes = view_of(reader);
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

  void request(pbf_reader reader) {
    while (reader.next()) {
      if (reader.tag_and_type() == bytes_field(kRequestResourceSpans)) {
        resource_spans(reader.get_message());
      } else {
        reader.skip();
      }
    }
  }

 private:
  // What spans belong to may stand behind them, so these two levels are read twice.
  void resource_spans(pbf_reader reader) {
    visitor_.on_resource();
    for (pbf_reader first = reader; first.next(kResourceSpansResource, kBytes);) {
      attributes_in(first.get_message(), kResourceAttributes, AttributeLevel::Resource);
    }
    while (reader.next()) {
      if (reader.tag_and_type() == bytes_field(kResourceSpansScopeSpans)) {
        scope_spans(reader.get_message());
      } else {
        reader.skip();
      }
    }
  }

  void scope_spans(pbf_reader reader) {
    for (pbf_reader first = reader; first.next(kScopeSpansScope, kBytes);) {
      attributes_in(first.get_message(), kScopeAttributes, AttributeLevel::Scope);
    }
    while (reader.next()) {
      if (reader.tag_and_type() == bytes_field(kScopeSpansSpans)) {
        span(reader.get_message());
      } else {
        reader.skip();
      }
    }
  }

  void span(pbf_reader reader) {
    SpanOutline span;
    while (reader.next()) {
      switch (reader.tag_and_type()) {
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
          span.name = view_of(reader);
          break;
        case varint_field(kSpanKind):
          span.kind = enum_of(reader.get_uint64(), model::SpanKind::Consumer, span.kind);
          break;
        case fixed64_field(kSpanStart):
          span.start = {reader.get_fixed64()};
          break;
        case fixed64_field(kSpanEnd):
          span.end = {reader.get_fixed64()};
          break;
        case bytes_field(kSpanAttributes):
          attribute(reader.get_message(), AttributeLevel::Span);
          break;
        case bytes_field(kSpanEvents):
          attributes_in(reader.get_message(), kEventAttributes, AttributeLevel::Event);
          break;
        case bytes_field(kSpanLinks):
          attributes_in(reader.get_message(), kLinkAttributes, AttributeLevel::Link);
          break;
        case bytes_field(kSpanStatus):
          status(reader.get_message(), span);
          break;
        default:
          reader.skip();
      }
    }
    visitor_.on_span(span);
  }

  static void status(pbf_reader reader, SpanOutline& span) {
    while (reader.next()) {
      if (reader.tag_and_type() == varint_field(kStatusCode)) {
        span.status = enum_of(reader.get_uint64(), model::StatusCode::Error, span.status);
      } else {
        reader.skip();
      }
    }
  }

  void attributes_in(pbf_reader reader, uint32_t number, AttributeLevel level) {
    while (reader.next()) {
      if (reader.tag_and_type() == bytes_field(number)) {
        attribute(reader.get_message(), level);
      } else {
        reader.skip();
      }
    }
  }

  void attribute(pbf_reader reader, AttributeLevel level) {
    std::string_view key;
    std::string_view value;
    while (reader.next()) {
      switch (reader.tag_and_type()) {
        case bytes_field(kKeyValueKey):
          key = view_of(reader);
          break;
        case bytes_field(kKeyValueValue):
          value = view_of(reader);
          break;
        default:
          reader.skip();
      }
    }
    visitor_.on_attribute(level, key, value);
  }

  TraceVisitor& visitor_;
};

ScalarView scalar_in(pbf_reader reader, bool& is_scalar) {
  ScalarView value;
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case bytes_field(kAnyValueString):
        value = view_of(reader);
        break;
      case varint_field(kAnyValueBool):
        value = reader.get_uint64() != 0;
        break;
      case varint_field(kAnyValueInt):
        value = reader.get_int64();
        break;
      case fixed64_field(kAnyValueDouble):
        value = reader.get_double();
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
    Pass(visitor).request(pbf_reader(bytes.data(), bytes.size()));
    return {};
  } catch (const protozero::exception& error) {
    return base::fail(base::Errc::Malformed, fmt::format("TracesData of {} bytes: {}", bytes.size(), error.what()));
  }
}

std::optional<ScalarView> scalar_of(std::string_view any_value) {
  try {
    bool is_scalar = true;
    const ScalarView value = scalar_in(pbf_reader(any_value.data(), any_value.size()), is_scalar);
    if (is_scalar) return value;
  } catch (const protozero::exception&) {
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
