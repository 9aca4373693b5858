#include "app/error_table.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <numeric>

namespace backstitch::app {
namespace {

using model::ErrorOriginRow;

enum Column : size_t { Count, Service, Operation, Code, Drift, Roots, Example, kColumns };
using Cells = std::array<std::string, kColumns>;

constexpr Column kShrinkable[] = {Service, Operation, Drift, Roots};
constexpr size_t kWidthMin = 10;
constexpr size_t kGap = 2;

std::string with_arrows(std::string chain, bool unicode) {
  constexpr std::string_view kArrow = "->";
  for (size_t at = chain.find(kArrow); unicode && at != std::string::npos; at = chain.find(kArrow, at)) {
    chain.replace(at, kArrow.size(), "→");
  }
  return chain;
}

std::string roots_text(const ErrorOriginRow& row) {
  std::string text;
  for (const ErrorOriginRow::Root& root : row.roots) {
    if (!text.empty()) text += ", ";
    text += harmless(root.service);
    if (row.roots.size() > 1) text += fmt::format(" {}", grouped(root.count));
  }
  return text;
}

Cells cells_of(const ErrorOriginRow& row, bool unicode) {
  const bool has_drifted = row.drift_chain != row.code;
  return {grouped(row.count),
          harmless(row.service),
          harmless(row.operation),
          harmless(row.code),
          has_drifted ? with_arrows(harmless(row.drift_chain), unicode) : "-",
          roots_text(row),
          row.example.to_hex()};
}

// The widest of those that may give way gives way first.
void shrink(std::array<size_t, kColumns>& widths, size_t room) {
  while (std::accumulate(widths.begin(), widths.end(), (kColumns - 1) * kGap) > room) {
    const Column widest = *std::ranges::max_element(kShrinkable, {}, [&](Column column) { return widths[column]; });
    if (widths[widest] <= kWidthMin) return;
    --widths[widest];
  }
}

}  // namespace

std::string render_error_table(const std::vector<ErrorOriginRow>& rows, const TerminalStyle& style) {
  std::vector<Cells> table{
      {"count", "origin service", "operation", "code", "drift", "affected roots", "example trace id"}};
  for (const ErrorOriginRow& row : rows) table.push_back(cells_of(row, style.unicode));
  std::array<size_t, kColumns> widths{};
  for (const Cells& cells : table) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  shrink(widths, style.width);

  std::string out;
  for (const Cells& cells : table) {
    std::string line(widths[Count] - display_width(cells[Count]), ' ');
    line += cells[Count];
    for (size_t i = 1; i < kColumns; ++i) {
      line += std::string(kGap, ' ') + (i == Example ? cells[i] : pad(cells[i], widths[i], style.unicode));
    }
    const bool is_head = &cells == table.data();
    out += is_head && style.color ? fmt::format("\x1b[2m{}\x1b[0m\n", line) : line + "\n";
  }
  return out;
}

}  // namespace backstitch::app
