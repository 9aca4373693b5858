// When a trace starts, read from its bytes alone: what a store orders traces by before it looks at anything else.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::wire::otlp {

// The earliest start of all spans in `bytes`, a TracesData; 0 where there is none. Attributes are passed over, so it
// costs a small part of a walk. Malformed where the messages around and of spans are broken.
base::Result<base::Timestamp> earliest_start(std::string_view bytes);

}  // namespace backstitch::wire::otlp
