#include "app/text_table.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace backstitch::app {
namespace {

constexpr size_t kWidthMin = 10;
constexpr size_t kGap = 2;

std::vector<size_t> widths_of(const TextTable& table) {
  std::vector<size_t> widths;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    widths.push_back(display_width(table.columns[i].head));
    for (const auto& cells : table.rows) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  return widths;
}

void shrink(const TextTable& table, size_t room, std::vector<size_t>& widths) {
  while (std::accumulate(widths.begin(), widths.end(), (widths.size() - 1) * kGap) > room) {
    size_t* widest = nullptr;
    for (size_t i = 0; i < widths.size(); ++i) {
      if (table.columns[i].gives_way && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
    }
    if (widest == nullptr || *widest <= kWidthMin) return;
    --*widest;
  }
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<size_t>& widths, bool unicode) {
  std::string line(widths[0] - display_width(cells[0]), ' ');
  line += cells[0];
  for (size_t i = 1; i < cells.size(); ++i) {
    // Nothing follows the last one, so it needs no spaces.
    const bool is_last = i + 1 == cells.size();
    line += std::string(kGap, ' ') + (is_last ? fit(cells[i], widths[i], unicode) : pad(cells[i], widths[i], unicode));
  }
  return line + "\n";
}

}  // namespace

std::string render_text_table(const TextTable& table, const TerminalStyle& style) {
  std::vector<size_t> widths = widths_of(table);
  shrink(table, style.width, widths);
  std::vector<std::string> heads;
  for (const TextTable::Column& column : table.columns) heads.push_back(column.head);
  std::string out = line_of(heads, widths, style.unicode);
  if (style.color) out = fmt::format("\x1b[2m{}\x1b[0m\n", std::string_view(out).substr(0, out.size() - 1));
  for (const auto& cells : table.rows) out += line_of(cells, widths, style.unicode);
  return out;
}

}  // namespace backstitch::app
