// Search results as a table for people.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"
#include "store/contract/trace_search.h"

namespace backstitch::app {

struct TraceTableOptions {
  TerminalStyle style;
  bool show_matches = false;  // below each trace how many spans matched, and the first of them
};

// One line a trace, as they come: start, duration with a bar against the longest, root, spans, errors, id. Lines fit
// the width where it leaves the root some room.
std::string render_trace_table(const std::vector<store::FoundTrace>& traces, const TraceTableOptions& options);

}  // namespace backstitch::app
