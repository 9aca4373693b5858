// Error origins as a table for people.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"
#include "model/error_origin.h"

namespace backstitch::app {

// One line an origin, as they come: count, service, operation, code, how the code drifted ("-" where it did not), the
// roots that it reached with their counts, an example's trace id. Lines fit the width where that leaves each column
// some room; ids are never cut.
std::string render_error_table(const std::vector<model::ErrorOriginRow>& rows, const TerminalStyle& style);

}  // namespace backstitch::app
