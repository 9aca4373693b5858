// The fragments of a trace that went on for long, for people, below its waterfall: how many there are, when each was
// sealed and why, and whether it goes on.
#pragma once

#include <string>

#include "app/terminal.h"
#include "model/trace.h"

namespace backstitch::app {

struct FragmentsTextOptions {
  TerminalStyle style;
  size_t lines_max = 20;  // of the newest; those before them are counted
};

// Nothing for a trace of one fragment. Lines end with '\n'; none is wider than the style says.
std::string render_fragments(const model::Trace& trace, const FragmentsTextOptions& options);

}  // namespace backstitch::app
