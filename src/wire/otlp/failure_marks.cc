#include "wire/otlp/failure_marks.h"

#include <fmt/format.h>

#include "wire/otlp/each_message.h"

namespace backstitch::wire::otlp {
namespace {

constexpr uint64_t kError = 2;

// A field that stands twice counts as decode_request takes it: the last one.
bool is_error(Cursor status) {
  uint64_t code = 0;
  while (!status.at_end()) {
    const uint32_t tag = status.tag();
    if (tag == tag_of(kStatusCode, WireType::Varint)) {
      code = status.varint();
    } else {
      status.skip(tag);
    }
  }
  return code == kError;
}

bool is_named(Cursor event, std::string_view name) {
  bool is_equal = false;
  each(event, kEventName, [&](Cursor text) { is_equal = text.view() == name; });
  return is_equal;
}

bool is_marked(Cursor span, std::string_view event) {
  while (!span.at_end()) {
    const uint32_t tag = span.tag();
    if (tag == tag_of(kSpanStatus, WireType::Bytes)) {
      if (is_error(span.bytes())) return true;
    } else if (tag == tag_of(kSpanEvents, WireType::Bytes)) {
      if (is_named(span.bytes(), event)) return true;
    } else {
      span.skip(tag);
    }
  }
  return false;
}

}  // namespace

base::Result<bool> has_failure_marks(std::string_view bytes, std::string_view event) {
  bool found = false;
  try {
    each_span(Cursor::reading(bytes), [&](Cursor span) { found = found || is_marked(span, event); });
  } catch (const WireFault& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("{} at byte {}", fault.what, fault.at - bytes.data()));
  }
  return found;
}

}  // namespace backstitch::wire::otlp
