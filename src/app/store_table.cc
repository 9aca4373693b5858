#include "app/store_table.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace backstitch::app {
namespace {

constexpr size_t kNameWidthMax = 48;
constexpr size_t kNumberWidth = 12;

// "1.5 MB": thousands, as disks are sold.
std::string bytes_text(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1000 && unit + 1 < std::size(kUnits); ++unit) amount /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string ratio(uint64_t part, uint64_t whole, std::string_view format) {
  if (whole == 0) return "-";
  return fmt::format(fmt::runtime(format), static_cast<double>(part) / static_cast<double>(whole));
}

std::string per_span(uint64_t bytes, const store::StoreStats& stats) {
  return ratio(bytes, stats.totals.spans, "{:.2f}");
}
std::string share(uint64_t part, uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

// Rows of cells; the first of each row is a name on the left, the others numbers on the right.
class Table {
 public:
  Table(std::string title, std::vector<std::string> heads) : heads_(std::move(heads)) {
    heads_.insert(heads_.begin(), std::move(title));
  }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  std::string render(const TerminalStyle& style) const {
    size_t name_width = std::max<size_t>(12, display_width(heads_[0]));
    for (const auto& row : rows_) name_width = std::max(name_width, display_width(row[0]));
    name_width = std::min(name_width, kNameWidthMax);
    std::string out = "\n" + line(heads_, name_width, style, "\x1b[2m");
    for (const auto& row : rows_) out += line(row, name_width, style, "");
    return out;
  }

 private:
  static std::string line(const std::vector<std::string>& cells, size_t name_width, const TerminalStyle& style,
                          std::string_view color) {
    std::string text = pad(cells[0], name_width, style.unicode);
    for (size_t i = 1; i < cells.size(); ++i) text += fmt::format("  {:>{}}", cells[i], kNumberWidth);
    return style.color && !color.empty() ? fmt::format("{}{}\x1b[0m\n", color, text) : text + "\n";
  }

  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

std::string totals_text(const store::StoreStats& stats) {
  const store::StoreTotals& totals = stats.totals;
  std::string out = fmt::format("{} spans in {} traces and {} blocks\n", grouped(totals.spans), grouped(totals.traces),
                                grouped(totals.blocks));
  out += fmt::format("{} on disk", bytes_text(totals.disk_bytes));
  if (totals.spans != 0) out += fmt::format(", {} bytes a span", per_span(totals.disk_bytes, stats));
  if (totals.spans != 0 && totals.otlp_bytes != 0) {
    out += fmt::format("; as OTLP {}, {} bytes a span ({} times as much)", bytes_text(totals.otlp_bytes),
                       per_span(totals.otlp_bytes, stats), ratio(totals.otlp_bytes, totals.disk_bytes, "{:.1f}"));
  }
  return out + "\n";
}

Table columns_table(const store::StoreStats& stats, size_t rows_max) {
  Table table("column", {"bytes/span", "of all", "values", "bytes/value", "compressed"});
  uint64_t all = 0;
  for (const store::ColumnStats& column : stats.columns) all += column.stored_bytes;
  store::ColumnStats rest;
  size_t rest_count = 0;
  const auto add = [&](const std::string& name, const store::ColumnStats& column) {
    table.add({name, per_span(column.stored_bytes, stats), share(column.stored_bytes, all), grouped(column.values),
               ratio(column.stored_bytes, column.values, "{:.2f}"),
               ratio(column.raw_bytes, column.stored_bytes, "{:.1f} x")});
  };
  for (const store::ColumnStats& column : stats.columns) {
    if (&column - stats.columns.data() < static_cast<ptrdiff_t>(rows_max)) {
      add(harmless(column.name), column);
      continue;
    }
    ++rest_count;
    rest.stored_bytes += column.stored_bytes;
    rest.raw_bytes += column.raw_bytes;
    rest.values += column.values;
  }
  if (rest_count != 0) add(fmt::format("{} more", rest_count), rest);
  return table;
}

Table services_table(const store::StoreStats& stats, size_t rows_max) {
  Table table("service", {"spans", "of all"});
  uint64_t rest = 0;
  for (size_t i = 0; i < stats.services.size(); ++i) {
    const store::ServiceStats& service = stats.services[i];
    if (i >= rows_max) {
      rest += service.spans;
      continue;
    }
    table.add({harmless(service.name), grouped(service.spans), share(service.spans, stats.totals.spans)});
  }
  if (rest != 0) {
    table.add(
        {fmt::format("{} more", stats.services.size() - rows_max), grouped(rest), share(rest, stats.totals.spans)});
  }
  return table;
}

Table codecs_table(const store::StoreStats& stats) {
  Table table("encoding of the newest blocks", {"pages", "stored", "compressed"});
  for (const store::CodecStats& codec : stats.codecs) {
    table.add({codec.name, grouped(codec.pages), bytes_text(codec.stored_bytes),
               ratio(codec.raw_bytes, codec.stored_bytes, "{:.1f} x")});
  }
  return table;
}

Table levels_table(const store::StoreStats& stats) {
  Table table("blocks", {"count", "traces", "spans", "on disk", "bytes/span"});
  for (const store::LevelStats& level : stats.levels) {
    table.add({level.name, grouped(level.blocks), grouped(level.traces), grouped(level.spans),
               bytes_text(level.disk_bytes), ratio(level.disk_bytes, level.spans, "{:.2f}")});
  }
  return table;
}

}  // namespace

std::string render_store_stats(const store::StoreStats& stats, const StoreTableOptions& options) {
  std::string out = totals_text(stats);
  if (!stats.columns.empty()) out += columns_table(stats, options.rows_max).render(options.style);
  if (!stats.services.empty()) out += services_table(stats, options.rows_max).render(options.style);
  if (!stats.codecs.empty()) out += codecs_table(stats).render(options.style);
  if (!stats.levels.empty()) out += levels_table(stats).render(options.style);
  return out;
}

}  // namespace backstitch::app
