#include "wire/otlp/earliest_start.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

#include "wire/otlp/each_message.h"

namespace backstitch::wire::otlp {
namespace {

// A start that stands twice counts as decode_request takes it: the last one.
uint64_t start_of_span(Cursor reader) {
  uint64_t start = 0;
  while (!reader.at_end()) {
    const uint32_t tag = reader.tag();
    if (tag == tag_of(kSpanStart, WireType::Fixed64)) {
      start = reader.fixed<uint64_t>();
    } else {
      reader.skip(tag);
    }
  }
  return start;
}

}  // namespace

base::Result<base::Timestamp> earliest_start(std::string_view bytes) {
  std::optional<uint64_t> earliest;
  const auto note = [&](Cursor span) {
    const uint64_t start = start_of_span(span);
    earliest = std::min(start, earliest.value_or(start));
  };
  try {
    each_span(Cursor::reading(bytes), note);
  } catch (const WireFault& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("{} at byte {}", fault.what, fault.at - bytes.data()));
  }
  return base::Timestamp{earliest.value_or(0)};
}

}  // namespace backstitch::wire::otlp
