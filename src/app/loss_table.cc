#include "app/loss_table.h"

#include <fmt/format.h>

#include "app/text_table.h"
#include "app/waterfall.h"

namespace backstitch::app {
namespace {

constexpr size_t kTimeWidth = 19;  // to the second

std::string reasons_text(const model::SdkLossRow& row) {
  std::string text;
  for (const model::SdkLossCount& one : row.reasons) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", harmless(one.reason), grouped(one.spans));
  }
  return text;
}

std::string second_text(base::Timestamp time) { return time_text(time).substr(0, kTimeWidth); }

}  // namespace

std::string render_loss_table(const std::vector<model::SdkLossRow>& rows, const TerminalStyle& style) {
  TextTable table{
      .columns =
          {{"lost"}, {"service", true}, {"instance", true}, {"reasons", true}, {"since (UTC)"}, {"last grew (UTC)"}},
      .rows = {}};
  for (const model::SdkLossRow& row : rows) {
    table.rows.push_back({grouped(row.spans), harmless(row.service),
                          row.instance.empty() ? "-" : harmless(row.instance), reasons_text(row),
                          second_text(row.first), second_text(row.last)});
  }
  return render_text_table(table, style);
}

}  // namespace backstitch::app
