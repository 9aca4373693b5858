// What a store keeps and what that costs, as text for people.
#pragma once

#include <string>

#include "app/terminal.h"
#include "store/contract/store_stats.h"

namespace backstitch::app {

struct StoreTableOptions {
  TerminalStyle style;
  size_t rows_max = 30;  // of each list; the rest is summed up
};

// Totals, then a table each of columns, services, codecs and levels, where there are any.
std::string render_store_stats(const store::StoreStats& stats, const StoreTableOptions& options);

}  // namespace backstitch::app
