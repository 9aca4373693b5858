#include "app/metrics_table.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "app/waterfall.h"
#include "base/duration.h"

namespace backstitch::app {
namespace {

constexpr size_t kLabelsWidthMin = 12;
constexpr size_t kLabelsWidthMax = 48;
constexpr size_t kCourseWidthMin = 10;
constexpr size_t kCourseWidthMax = 60;
constexpr size_t kNumberWidth = 9;
constexpr size_t kFixed = 3 * (kNumberWidth + 2) + 2;

struct Bounds {
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  bool is_empty() const { return min > max; }
};

Bounds bounds_of(const std::vector<std::optional<double>>& values) {
  Bounds bounds;
  for (const std::optional<double>& value : values) {
    if (!value || std::isnan(*value)) continue;
    bounds.min = std::min(bounds.min, *value);
    bounds.max = std::max(bounds.max, *value);
  }
  return bounds;
}

// What all series are told apart by, as the head of their column; and one's values of it.
std::string names_text(const std::vector<api::MetricsReply::Series>& all) {
  std::string text;
  for (const model::Attribute& label : all.empty() ? model::Attributes() : all.front().labels) {
    text += (text.empty() ? "" : ", ") + harmless(label.key);
  }
  return text.empty() ? "series" : text;
}

std::string labels_text(const model::Attributes& labels) {
  std::string text;
  for (const model::Attribute& label : labels) {
    text += (text.empty() ? "" : ", ") + (label.value.is_empty() ? "nil" : harmless(model::to_text(label.value)));
  }
  return labels.empty() ? "all" : text;
}

// The largest of the values that one column stands for.
std::optional<double> column(const std::vector<std::optional<double>>& values, size_t at, size_t width) {
  std::optional<double> largest;
  const size_t end = std::max(at * values.size() / width + 1, (at + 1) * values.size() / width);
  for (size_t i = at * values.size() / width; i < end; ++i) {
    if (values[i] && (!largest || *largest < *values[i])) largest = values[i];
  }
  return largest;
}

// From 0 to the greatest value, a column at a time; a space where there is none.
std::string course(const std::vector<std::optional<double>>& values, double max, size_t width, bool unicode) {
  constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::string_view kAscii = "_.-:=+*#";
  std::string text;
  for (size_t at = 0; at < width; ++at) {
    const std::optional<double> value = column(values, at, width);
    if (!value || std::isnan(*value)) {
      text += ' ';
      continue;
    }
    const double share = max > 0 ? std::clamp(*value / max, 0.0, 1.0) : 0;
    const auto height = static_cast<size_t>(std::lround(share * 7));
    if (unicode) {
      text += kBlocks[height];
    } else {
      text += kAscii[height];
    }
  }
  return text;
}

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.4g}", *value) : std::string("-");
}

}  // namespace

std::string render_metrics(const api::MetricsReply& reply, const TerminalStyle& style) {
  const std::string names = names_text(reply.series);
  size_t labels_width = std::max(kLabelsWidthMin, display_width(names));
  size_t steps = 1;
  for (const api::MetricsReply::Series& series : reply.series) {
    labels_width = std::max(labels_width, display_width(labels_text(series.labels)));
    steps = std::max(steps, series.values.size());
  }
  const size_t room = style.width > kFixed + kLabelsWidthMin + kCourseWidthMin ? style.width - kFixed
                                                                               : kLabelsWidthMin + kCourseWidthMin;
  labels_width = std::min({labels_width, kLabelsWidthMax, room - kCourseWidthMin});
  const size_t course_width = std::min({steps, kCourseWidthMax, room - labels_width});

  const auto end = base::offset(reply.start, reply.step * static_cast<int64_t>(steps));
  std::string out =
      fmt::format("{} to {}, by {}\n", time_text(reply.start), time_text(end), base::format_duration(reply.step));
  const std::string head =
      fmt::format("{}  {:<{}}  {:>{}}  {:>{}}  {:>{}}", pad(names, labels_width, style.unicode), "", course_width,
                  "min", kNumberWidth, "max", kNumberWidth, "last", kNumberWidth);
  out += style.color ? fmt::format("\x1b[2m{}\x1b[0m\n", head) : head + "\n";
  for (const api::MetricsReply::Series& series : reply.series) {
    const Bounds bounds = bounds_of(series.values);
    const std::string line = bounds.is_empty() ? std::string(course_width, ' ')
                                               : course(series.values, bounds.max, course_width, style.unicode);
    out += fmt::format("{}  {}  {:>{}}  {:>{}}  {:>{}}\n", pad(labels_text(series.labels), labels_width, style.unicode),
                       style.color ? fmt::format("\x1b[38;5;75m{}\x1b[0m", line) : line,
                       bounds.is_empty() ? "-" : number(bounds.min), kNumberWidth,
                       bounds.is_empty() ? "-" : number(bounds.max), kNumberWidth,
                       number(series.values.empty() ? std::nullopt : series.values.back()), kNumberWidth);
  }
  return out;
}

}  // namespace backstitch::app
