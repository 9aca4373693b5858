// Durations as people write them in searches and read them in answers: 250ms, 1.5s, 1h30m.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::base {

// One or more of a decimal number and a unit (ns us µs ms s m h), without spaces, added up; "0" alone too. What is
// finer than a nanosecond is cut. InvalidArgument for everything else, negative numbers and more than 292 years
// included.
Result<Duration> parse_duration(std::string_view text);

// Exactly, in the largest unit that divides it: "72h", "1500ms".
std::string exact_duration(Duration duration);

// Three digits and the unit that suits below a minute ("1.23s", "45.6ms", "789µs"), whole seconds above ("1m30s"),
// whole minutes from an hour on ("26h5m"). Rounded to the nearest; parse_duration reads it, but for a minus in front.
std::string format_duration(Duration duration);

}  // namespace backstitch::base
