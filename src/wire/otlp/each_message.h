// Goes through the messages of one field, for those who look at little of a TracesData. Private to wire/otlp.
#pragma once

#include <string_view>

#include "wire/otlp/cursor.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::wire::otlp {

// Calls `enter(message)` for each message in the field `number`.
template <typename Enter>
void each(Cursor reader, uint32_t number, const Enter& enter) {
  while (!reader.at_end()) {
    const uint32_t tag = reader.tag();
    if (tag == tag_of(number, WireType::Bytes)) {
      enter(reader.bytes());
    } else {
      reader.skip(tag);
    }
  }
}

// Of an AnyValue that is a text; empty of any other.
inline std::string_view string_of(Cursor any_value) {
  if (any_value.at_end() || any_value.tag() != tag_of(kAnyValueString, WireType::Bytes)) return {};
  return any_value.bytes().view();
}

template <typename Enter>
void each_span(Cursor traces_data, const Enter& enter) {
  each(traces_data, kRequestResourceSpans, [&](Cursor resource_spans) {
    each(resource_spans, kResourceSpansScopeSpans,
         [&](Cursor scope_spans) { each(scope_spans, kScopeSpansSpans, enter); });
  });
}

}  // namespace backstitch::wire::otlp
