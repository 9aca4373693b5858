#include "app/trace_table.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "app/waterfall.h"
#include "base/duration.h"

namespace backstitch::app {

using base::Duration;

namespace {

constexpr size_t kStartWidth = 19;  // to the second
constexpr size_t kDurationWidth = 7;
constexpr size_t kBarWidth = 10;
constexpr size_t kSpansWidth = 6;
constexpr size_t kErrorsWidth = 8;
constexpr size_t kIdWidth = 32;
constexpr size_t kRootWidthMin = 20;
constexpr size_t kRootWidthMax = 60;

// Eighths of a column in UTF-8, whole ones in ASCII; at least the thinnest. Longer by the root, so that a few
// outliers do not flatten all others.
std::string bar(Duration duration, Duration longest, bool unicode) {
  const double share = std::sqrt(static_cast<double>(std::max<int64_t>(duration.count(), 0)) /
                                 static_cast<double>(std::max<int64_t>(longest.count(), 1)));
  const auto eighths = std::max<size_t>(1, static_cast<size_t>(std::lround(share * kBarWidth * 8)));
  if (!unicode) return std::string(std::max<size_t>(1, eighths / 8), '#');
  constexpr std::string_view kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string text;
  for (size_t i = 0; i < eighths / 8; ++i) text += "█";
  return text + std::string(kParts[eighths % 8]);
}

std::string right(const std::string& text, size_t width) {
  const size_t used = display_width(text);
  return std::string(width - std::min(width, used), ' ') + text;
}

// "  └ 3 matched: payment Charge 3.86ms; currency Convert 1.07ms, span.n 500"
std::string matches_line(const store::FoundTrace& found, const TerminalStyle& style) {
  std::string text = fmt::format("  {} {} matched", style.unicode ? "└" : "`-", grouped(found.matched_spans));
  const char* separator = ": ";
  for (const store::FoundSpan& span : found.spans) {
    text += separator + harmless(span.service) + " " + harmless(span.name) + " " + base::format_duration(span.duration);
    separator = "; ";
  }
  if (found.matched_spans > found.spans.size() && !found.spans.empty()) text += style.unicode ? "; …" : "; ...";
  return fit(text, style.width, style.unicode);
}

}  // namespace

std::string render_trace_table(const std::vector<store::FoundTrace>& traces, const TraceTableOptions& options) {
  const TerminalStyle& style = options.style;
  constexpr size_t kFixed =
      kStartWidth + kDurationWidth + kBarWidth + kSpansWidth + kErrorsWidth + kIdWidth + 7 * 2 - 2;
  const auto paint = [&](std::string_view color, const std::string& text) {
    return style.color ? fmt::format("{}{}\x1b[0m", color, text) : text;
  };
  Duration longest{1};
  size_t root_width = kRootWidthMin;
  for (const auto& [trace, matched_spans, spans] : traces) {
    longest = std::max(longest, trace.duration());
    root_width = std::max(root_width, display_width(trace.root_service) + display_width(trace.root_operation) + 1);
  }
  const size_t room = style.width > kFixed + kRootWidthMin ? style.width - kFixed : kRootWidthMin;
  root_width = std::min({root_width, room, kRootWidthMax});

  std::string out = paint("\x1b[2m", fmt::format("{:<{}}  {:>{}}  {:<{}}  {:<{}}  {:>{}}  {:>{}}  {}", "started (UTC)",
                                                 kStartWidth, "took", kDurationWidth, "", kBarWidth, "root", root_width,
                                                 "spans", kSpansWidth, "errors", kErrorsWidth, "trace id")) +
                    "\n";
  for (const store::FoundTrace& found : traces) {
    const model::TraceSummary& trace = found.summary;
    const std::string root = harmless(trace.root_service) + " " + harmless(trace.root_operation);
    const std::string errors =
        trace.error_count == 0 ? "" : fmt::format("{} {}", style.unicode ? "✖" : "!", grouped(trace.error_count));
    out += time_text(trace.start).substr(0, kStartWidth) + "  ";
    out += right(base::format_duration(trace.duration()), kDurationWidth) + "  ";
    out += paint(trace.error_count == 0 ? "\x1b[38;5;75m" : "\x1b[1;31m",
                 pad(bar(trace.duration(), longest, style.unicode), kBarWidth, style.unicode)) +
           "  ";
    out += pad(root, root_width, style.unicode) + "  ";
    out += right(grouped(trace.span_count) + (trace.is_open ? "+" : ""), kSpansWidth) + "  ";
    out += paint("\x1b[1;31m", right(errors, kErrorsWidth)) + "  ";
    out += trace.id.to_hex() + "\n";
    if (options.show_matches) out += paint("\x1b[2m", matches_line(found, style)) + "\n";
  }
  return out;
}

}  // namespace backstitch::app
