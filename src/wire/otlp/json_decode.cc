// One pass with simdjson's On-Demand parser: each object's fields are looked at in the order of the text, the ones
// that nobody asks for are passed over. Attribute values recurse, no deeper than Limits::nesting_max, which is
// checked before each step down; the first list beyond it stays, empty, for the walk to reject its span by.
//
// simdjson's exceptions and the Fault below stay inside this file.
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <simdjson.h>

#include "base/base64.h"
#include "base/hex.h"
#include "wire/otlp/decode_bound.h"
#include "wire/otlp/json.h"

namespace backstitch::wire::otlp {
namespace {

namespace ondemand = simdjson::ondemand;

// What is wrong with the value at the path that the decoder has reached.
struct Fault {
  std::string what;
};

// A field's name as the text has it. Equal to its lowerCamel form, which is given, in either spelling:
// "trace_id" and "traceId".
struct Key {
  std::string_view text;

  bool operator==(std::string_view camel) const {
    size_t at = 0;
    for (size_t i = 0; i < camel.size(); ++i, ++at) {
      const bool is_upper = camel[i] >= 'A' && camel[i] <= 'Z';
      if (is_upper && at + 1 < text.size() && text[at] == '_') {
        ++at;
        if (text[at] != camel[i] - 'A' + 'a') return false;
      } else if (at >= text.size() || text[at] != camel[i]) {
        return false;
      }
    }
    return at == text.size();
  }
};

struct EnumName {
  std::string_view name;
  uint32_t number;
};
constexpr EnumName kKindNames[] = {
    {"SPAN_KIND_UNSPECIFIED", 0}, {"SPAN_KIND_INTERNAL", 1}, {"SPAN_KIND_SERVER", 2},
    {"SPAN_KIND_CLIENT", 3},      {"SPAN_KIND_PRODUCER", 4}, {"SPAN_KIND_CONSUMER", 5},
};
constexpr EnumName kStatusNames[] = {{"STATUS_CODE_UNSET", 0}, {"STATUS_CODE_OK", 1}, {"STATUS_CODE_ERROR", 2}};

template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// An integer that was written with a point or an exponent, as protobuf allows: "1e3".
template <typename T>
std::optional<T> whole_number(double number) {
  // The largest T + 1 is a power of two and so exact as a double.
  const double beyond = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (std::trunc(number) != number || number >= beyond) return std::nullopt;
  if (number < static_cast<double>(std::numeric_limits<T>::min())) return std::nullopt;
  return static_cast<T>(number);
}

std::string text_of(ondemand::value value) {
  if (value.type() != ondemand::json_type::string) throw Fault{"is no string"};
  return std::string(std::string_view(value.get_string()));
}

// Of a string or a number.
template <typename T>
T integer_of(ondemand::value value) {
  std::optional<T> number;
  const ondemand::json_type type = value.type();
  if (type == ondemand::json_type::string) {
    number = parse_whole<T>(value.get_string());
  } else if (type == ondemand::json_type::number) {
    const ondemand::number written = value.get_number();
    if (written.is_int64()) {
      if (std::in_range<T>(written.get_int64())) number = static_cast<T>(written.get_int64());
    } else if (written.is_uint64()) {
      if (std::in_range<T>(written.get_uint64())) number = static_cast<T>(written.get_uint64());
    } else {
      number = whole_number<T>(written.get_double());
    }
  }
  if (!number) throw Fault{fmt::format("is no integer of {} bits", sizeof(T) * 8)};
  return *number;
}

double double_of(ondemand::value value) {
  if (value.type() == ondemand::json_type::number) return value.get_double();
  const std::string text = text_of(value);
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  const std::optional<double> number = parse_whole<double>(text);
  if (!number) throw Fault{"is no number"};
  return *number;
}

bool bool_of(ondemand::value value) {
  if (value.type() != ondemand::json_type::boolean) throw Fault{"is neither true nor false"};
  return value.get_bool();
}

std::string bytes_of(ondemand::value value) {
  std::optional<std::string> bytes = base::from_base64(text_of(value));
  if (!bytes) throw Fault{"is no base64"};
  return std::move(*bytes);
}

// Nothing for what is no id. Empty text is one of all zeros.
template <typename Id>
std::optional<Id> parse_id(ondemand::value value) {
  const std::string hex = text_of(value);
  Id id;
  if (!hex.empty() && !base::from_hex(hex, id.bytes)) return std::nullopt;
  return id;
}

// All zeros for what is no id.
template <typename Id>
Id id_of(ondemand::value value) {
  return parse_id<Id>(value).value_or(Id{});
}

// A number that OTLP does not know is the enum's zero; a name that it does not know is a fault.
template <typename Enum, size_t count>
Enum enum_of(ondemand::value value, const EnumName (&names)[count]) {
  if (value.type() != ondemand::json_type::string) {
    const auto number = integer_of<int32_t>(value);
    return number >= 0 && number < static_cast<int32_t>(count) ? static_cast<Enum>(number) : Enum{};
  }
  const std::string text = text_of(value);
  for (const EnumName& one : names) {
    if (one.name == text) return static_cast<Enum>(one.number);
  }
  const std::optional<int32_t> number = parse_whole<int32_t>(text);
  if (!number) throw Fault{"is none of the enum's names"};
  return *number >= 0 && *number < static_cast<int32_t>(count) ? static_cast<Enum>(*number) : Enum{};
}

class Decoder {
 public:
  explicit Decoder(const model::Limits& limits) : nesting_max_(limits.nesting_max), bound_(limits) {}

  model::SpanSet decode(ondemand::document& document) {
    model::SpanSet set;
    ondemand::object request = document.get_object();
    for_each_field(request, [&](Key key, ondemand::value value) {
      if (key == "resourceSpans") {
        for_each_element(value, [&](ondemand::value one) { resource_spans(one, set); });
      }
    });
    const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    if (!at_end) throw Fault{"has text after its end"};
    return set;
  }

  // "resourceSpans[0].scopeSpans[2].spans[1].kind": where the decoder was when it stopped.
  std::string path() const {
    std::string text;
    for (const Step& step : path_) {
      if (step.name.empty()) {
        fmt::format_to(std::back_inserter(text), "[{}]", step.index);
      } else {
        fmt::format_to(std::back_inserter(text), "{}{}", text.empty() ? "" : ".", step.name);
      }
    }
    return text.empty() ? "the document" : text;
  }

 private:
  // Of the path: a field's name, or an index where that is empty.
  struct Step {
    std::string_view name;
    size_t index = 0;
  };

  template <typename T>
  T& append(std::vector<T>& list) {
    bound_.take(sizeof(T));
    return list.emplace_back();
  }

  // Nulls count as absent.
  template <typename OnField>
  void for_each_field(ondemand::object object, OnField on_field) {
    for (auto field : object) {
      // Kept by the parser until the document ends.
      const std::string_view name = field.unescaped_key();
      ondemand::value value = field.value();
      if (value.type() == ondemand::json_type::null) continue;
      path_.push_back({name});
      on_field(Key{name}, value);
      path_.pop_back();
    }
  }

  template <typename OnField>
  void for_each_field(ondemand::value value, OnField on_field) {
    if (value.type() != ondemand::json_type::object) throw Fault{"is no object"};
    for_each_field(ondemand::object(value.get_object()), on_field);
  }

  template <typename OnElement>
  void for_each_element(ondemand::value value, OnElement on_element) {
    if (value.type() != ondemand::json_type::array) throw Fault{"is no array"};
    size_t index = 0;
    for (auto element : ondemand::array(value.get_array())) {
      path_.push_back({{}, index++});
      on_element(element.value());
      path_.pop_back();
    }
  }

  void resource_spans(ondemand::value value, model::SpanSet& set) {
    const auto index = static_cast<uint32_t>(set.resources.size());
    append(set.resources);
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "resource") {
        resource(one, set.resources[index]);
      } else if (key == "scopeSpans") {
        for_each_element(one, [&](ondemand::value group) { scope_spans(group, index, set); });
      } else if (key == "schemaUrl") {
        set.resources[index].schema_url = text_of(one);
      }
    });
  }

  void scope_spans(ondemand::value value, uint32_t resource_index, model::SpanSet& set) {
    const auto index = static_cast<uint32_t>(set.scopes.size());
    append(set.scopes);
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "scope") {
        scope(one, set.scopes[index]);
      } else if (key == "spans") {
        for_each_element(one, [&](ondemand::value element) {
          model::Span& into = append(set.spans);
          into.resource = resource_index;
          into.scope = index;
          span(element, into);
        });
      } else if (key == "schemaUrl") {
        set.scopes[index].schema_url = text_of(one);
      }
    });
  }

  void resource(ondemand::value value, model::Resource& into) {
    for_each_field(value, [&](Key key, ondemand::value one) { attribute_field(key, one, into); });
  }

  void scope(ondemand::value value, model::Scope& into) {
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "name") {
        into.name = text_of(one);
      } else if (key == "version") {
        into.version = text_of(one);
      } else {
        attribute_field(key, one, into);
      }
    });
  }

  void span(ondemand::value value, model::Span& into) {
    bool has_broken_parent = false;
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "traceId") {
        into.trace_id = id_of<model::TraceId>(one);
      } else if (key == "spanId") {
        into.span_id = id_of<model::SpanId>(one);
      } else if (key == "parentSpanId") {
        const auto parent = parse_id<model::SpanId>(one);
        has_broken_parent = !parent;
        into.parent_span_id = parent.value_or(model::SpanId{});
      } else if (key == "traceState") {
        into.trace_state = text_of(one);
      } else if (key == "flags") {
        into.flags = integer_of<uint32_t>(one);
      } else if (key == "name") {
        into.name = text_of(one);
      } else if (key == "kind") {
        into.kind = enum_of<model::SpanKind>(one, kKindNames);
      } else if (key == "startTimeUnixNano") {
        into.start = {integer_of<uint64_t>(one)};
      } else if (key == "endTimeUnixNano") {
        into.end = {integer_of<uint64_t>(one)};
      } else if (key == "status") {
        status(one, into.status);
      } else if (key == "events") {
        for_each_element(one, [&](ondemand::value element) { event(element, append(into.events)); });
      } else if (key == "droppedEventsCount") {
        into.dropped_events_count = integer_of<uint32_t>(one);
      } else if (key == "links") {
        for_each_element(one, [&](ondemand::value element) { link(element, append(into.links)); });
      } else if (key == "droppedLinksCount") {
        into.dropped_links_count = integer_of<uint32_t>(one);
      } else {
        attribute_field(key, one, into);
      }
    });
    // With zeros for a parent it would pass for a root; without an id of its own it is rejected.
    if (has_broken_parent) into.span_id = {};
  }

  void event(ondemand::value value, model::Event& into) {
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "timeUnixNano") {
        into.time = {integer_of<uint64_t>(one)};
      } else if (key == "name") {
        into.name = text_of(one);
      } else {
        attribute_field(key, one, into);
      }
    });
  }

  void link(ondemand::value value, model::Link& into) {
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "traceId") {
        into.trace_id = id_of<model::TraceId>(one);
      } else if (key == "spanId") {
        into.span_id = id_of<model::SpanId>(one);
      } else if (key == "traceState") {
        into.trace_state = text_of(one);
      } else if (key == "flags") {
        into.flags = integer_of<uint32_t>(one);
      } else {
        attribute_field(key, one, into);
      }
    });
  }

  void status(ondemand::value value, model::Status& into) {
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "message") {
        into.message = text_of(one);
      } else if (key == "code") {
        into.code = enum_of<model::StatusCode>(one, kStatusNames);
      }
    });
  }

  // The two fields that every owner of attributes has.
  template <typename Owner>
  void attribute_field(Key key, ondemand::value value, Owner& into) {
    if (key == "attributes") {
      attributes(value, into.attributes, 0);
    } else if (key == "droppedAttributesCount") {
      into.dropped_attributes_count = integer_of<uint32_t>(value);
    }
  }

  // `depth` here and below is the number of lists around the value.
  void attributes(ondemand::value list, model::Attributes& into, uint32_t depth) {
    for_each_element(list, [&](ondemand::value element) {
      model::Attribute& attribute = append(into);
      for_each_field(element, [&](Key key, ondemand::value one) {
        if (key == "key") {
          attribute.key = text_of(one);
        } else if (key == "value") {
          any_value(one, attribute.value, depth);
        }
      });
    });
  }

  void any_value(ondemand::value value, model::Value& into, uint32_t depth) {
    for_each_field(value, [&](Key key, ondemand::value one) {
      if (key == "stringValue") {
        into = text_of(one);
      } else if (key == "boolValue") {
        into = bool_of(one);
      } else if (key == "intValue") {
        into = integer_of<int64_t>(one);
      } else if (key == "doubleValue") {
        into = double_of(one);
      } else if (key == "bytesValue") {
        into = model::Bytes{bytes_of(one)};
      } else if (key == "arrayValue") {
        into = array(one, depth + 1);
      } else if (key == "kvlistValue") {
        into = key_values(one, depth + 1);
      }
    });
  }

  model::Array array(ondemand::value value, uint32_t depth) {
    model::Array array;
    if (depth > nesting_max_) return array;
    for_each_field(value, [&](Key key, ondemand::value list) {
      if (!(key == "values")) return;
      for_each_element(list, [&](ondemand::value one) { any_value(one, append(array.values), depth); });
    });
    return array;
  }

  model::KeyValues key_values(ondemand::value value, uint32_t depth) {
    model::KeyValues map;
    if (depth > nesting_max_) return map;
    for_each_field(value, [&](Key key, ondemand::value list) {
      if (key == "values") attributes(list, map.entries, depth);
    });
    return map;
  }

  const uint32_t nesting_max_;
  DecodeBound bound_;
  std::vector<Step> path_;
};

}  // namespace

base::Result<model::SpanSet> decode_request_json(std::string_view json, const model::Limits& limits) {
  const simdjson::padded_string text(json);
  ondemand::parser parser;  // outlives the decoder's path, which borrows names from it
  Decoder decoder(limits);
  try {
    ondemand::document document = parser.iterate(text);
    return decoder.decode(document);
  } catch (const Fault& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("no OTLP JSON: {} {}", decoder.path(), fault.what));
  } catch (const OverBound&) {
    return base::fail(base::Errc::TooLarge, fmt::format("{} bytes of OTLP JSON decode to more than {}", json.size(),
                                                        limits.decoded_bytes_max));
  } catch (const simdjson::simdjson_error& error) {
    return base::fail(base::Errc::Malformed, fmt::format("no JSON: {}: {}", decoder.path(), error.what()));
  }
}

}  // namespace backstitch::wire::otlp
