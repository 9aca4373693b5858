// Why a trace was kept or dropped, in plain sentences: what `backstitch why ID` prints.
#pragma once

#include <string>

#include "query/why.h"

namespace backstitch::app {

// A sentence about the trace, then a paragraph for each decision, oldest first. Lines end with '\n'.
std::string render_why(const query::TraceWhy& why);

}  // namespace backstitch::app
