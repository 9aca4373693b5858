// Times as people and HTTP APIs write them: "2026-08-07T12:34:56.789Z", "2026-08-07T14:34:56+02:00".
// https://www.rfc-editor.org/rfc/rfc3339#section-5.6
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::base {

// Fractions finer than a nanosecond are cut; a leap second is the next minute's first. InvalidArgument for everything
// else, and for times before 1970 or after what Timestamp can say (2554).
Result<Timestamp> parse_rfc3339(std::string_view text);
// "2026-11-21T09:30:00.250Z": to the millisecond, cut.
std::string to_rfc3339(Timestamp time);

}  // namespace backstitch::base
