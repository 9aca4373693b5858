// A table of texts for people, as wide as the terminal.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"

namespace backstitch::app {

struct TextTable {
  struct Column {
    std::string head;
    bool gives_way = false;  // is cut, down to ten columns, where a line would be wider than the terminal
  };
  std::vector<Column> columns;                 // the first is on the right, for numbers
  std::vector<std::vector<std::string>> rows;  // a cell for each column
};

// The widest of the columns that may give way gives way first; where that is not enough, lines are wider.
std::string render_text_table(const TextTable& table, const TerminalStyle& style);

}  // namespace backstitch::app
