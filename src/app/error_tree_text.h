// Error trees for people, below a trace's waterfall: who failed first, who renamed it, who hid it, where caller and
// callee disagree.
#pragma once

#include <span>
#include <string>

#include "analyze/error_tree.h"
#include "app/terminal.h"

namespace backstitch::app {

struct ErrorTreeTextOptions {
  TerminalStyle style;
  size_t trees_max = 20;  // the rest is counted at the end
};

// Nothing for no requests. Lines end with '\n'; none is wider than the style says. Each node is a line of service,
// operation, code and marks (ORIGIN, DRIFT, SWALLOWED, SPLIT-BRAIN); one that fails has its message below it.
std::string render_error_trees(std::span<const analyze::FailedRequest> requests, const ErrorTreeTextOptions& options);

}  // namespace backstitch::app
