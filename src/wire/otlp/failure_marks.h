// Whether a trace may have failed, read from its bytes alone: most did not, and need not be decoded to learn why.
#pragma once

#include <string_view>

#include "base/result.h"

namespace backstitch::wire::otlp {

// Whether `bytes`, a TracesData, have a span of status Error, or one with an event of the name `event`. Attributes are
// passed over, so it costs a small part of a walk. Malformed where messages around or of spans are broken.
base::Result<bool> has_failure_marks(std::string_view bytes, std::string_view event);

}  // namespace backstitch::wire::otlp
