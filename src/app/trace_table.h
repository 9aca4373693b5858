// Search results as a table for people.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"
#include "model/trace.h"

namespace backstitch::app {

// One line a trace, as they come: start, duration with a bar against the longest, root, spans, errors, id. Lines fit
// the width where it leaves the root some room.
std::string render_trace_table(const std::vector<model::TraceSummary>& traces, const TerminalStyle& style);

}  // namespace backstitch::app
