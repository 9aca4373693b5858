#include "app/error_table.h"

#include <fmt/format.h>

#include "app/text_table.h"

namespace backstitch::app {
namespace {

using model::ErrorOriginRow;

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

std::vector<std::string> cells_of(const ErrorOriginRow& row, bool unicode) {
  const bool has_drifted = row.drift_chain != row.code;
  return {grouped(row.count),
          harmless(row.service),
          harmless(row.operation),
          harmless(row.code),
          has_drifted ? with_arrows(harmless(row.drift_chain), unicode) : "-",
          roots_text(row),
          row.example.to_hex()};
}

}  // namespace

std::string render_error_table(const std::vector<ErrorOriginRow>& rows, const TerminalStyle& style) {
  TextTable table{.columns = {{"count"},
                              {"origin service", true},
                              {"operation", true},
                              {"code"},
                              {"drift", true},
                              {"affected roots", true},
                              {"example trace id"}},
                  .rows = {}};
  for (const ErrorOriginRow& row : rows) table.rows.push_back(cells_of(row, style.unicode));
  return render_text_table(table, style);
}

}  // namespace backstitch::app
