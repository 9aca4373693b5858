// The two small JSON texts of Raceway's fields. Read by hand: simdjson would be a dependency of every program that
// links the SDK, for one flat object. Private to wire/context.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "wire/context/context.h"

namespace backstitch::wire::context {

inline constexpr size_t kClockEntriesMax = 128;

// What stands in raceway-clock behind "v1;", decoded. Ids as they came.
struct RacewayPayload {
  std::string trace_id;
  std::string span_id;
  std::string parent_span_id;  // empty for null
  RacewayHop hop;
};

// An object with any of trace_id, span_id, parent_span_id (or null), service, instance, clock ([["component", 3], …]).
// Other members are passed over where they are no array or object. Nothing for anything else, for counts that are no
// whole numbers from 0 to 2^64-1, and for more than kClockEntriesMax entries. Bytes that are no UTF-8 become U+FFFD.
std::optional<RacewayPayload> read_raceway_payload(std::string_view json);
std::string write_raceway_payload(const RacewayPayload& payload);

// {"component": 3, …} or [["component", 3], …].
std::optional<VectorClock> read_clock(std::string_view json);
// As an object, in ASCII.
std::string write_clock(const VectorClock& clock);

}  // namespace backstitch::wire::context
