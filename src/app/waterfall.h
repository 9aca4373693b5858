// A trace as a picture made of text: the call tree on the left, when each span ran in the middle, how long on the
// right. Errors carry a sign and their message, not only a colour.
#pragma once

#include <string>

#include "app/terminal.h"
#include "model/trace.h"

namespace backstitch::app {

struct WaterfallOptions {
  TerminalStyle style;
  size_t spans_max = 500;  // the rest is counted at the end
  bool show_attributes = false;
};

// `trace` has its spans in tree order (model::sort_as_tree). Lines end with '\n'; none is wider than the style says.
std::string render_waterfall(const model::Trace& trace, const WaterfallOptions& options);

// "2026-11-21 08:23:41.123 UTC".
std::string time_text(base::Timestamp time);

}  // namespace backstitch::app
