#include "app/dry_run_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "app/waterfall.h"
#include "base/duration.h"

namespace backstitch::app {
namespace {

using sample::DryRun;
using sample::DryRunChange;
using sample::DryRunEstimate;
using sample::DryRunPolicy;
using sample::DryRunSide;
using sample::DryRunTrace;

constexpr size_t kLabelWidth = 14;
constexpr size_t kNumberWidth = 10;
constexpr size_t kShareWidth = 8;
constexpr size_t kCountWidth = 8;
constexpr size_t kNameWidthMin = 10;
constexpr size_t kSideGap = 4;
constexpr double kSecondsADay = 86'400;

std::string right(std::string_view text, size_t width) {
  const size_t used = display_width(text);
  return std::string(width - std::min(width, used), ' ') + std::string(text);
}

std::string share_of(double part, double whole) {
  if (whole <= 0) return "";
  const double percent = 100 * part / whole;
  if (part > 0 && percent < 0.1) return "<0.1 %";
  if (part < whole && percent > 99.9) return ">99.9 %";
  return percent == std::floor(percent) ? fmt::format("{:.0f} %", percent) : fmt::format("{:.1f} %", percent);
}

std::string count_of(double number) { return grouped(static_cast<uint64_t>(std::llround(number))); }

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

// One figure on both sides, and its share of the traffic's.
struct Row {
  std::string_view label;
  double traffic;
  double now;
  double then;
  std::string (*text)(double);
};

std::string render_row(const Row& row) {
  std::string line = fmt::format("  {:<{}}", row.label, kLabelWidth);
  for (const double part : {row.now, row.then}) {
    line += right(row.text(part), kNumberWidth) + right(share_of(part, row.traffic), kShareWidth);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string render_rows(const DryRunEstimate& traffic, const DryRunEstimate& now, const DryRunEstimate& then,
                        base::Duration time) {
  std::string out = render_row({"traces", traffic.traces, now.traces, then.traces, &count_of});
  out += render_row({"spans", traffic.spans, now.spans, then.spans, &count_of});
  out += render_row({"OTLP bytes", traffic.bytes, now.bytes, then.bytes, &byte_text});
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds < 1) return out;
  const double times = kSecondsADay / seconds;
  return out + render_row({"bytes a day", 0, now.bytes * times, then.bytes * times, &byte_text});
}

DryRunEstimate to_estimate(const sample::DryRunAmount& amount) {
  return {.traces = static_cast<double>(amount.traces),
          .spans = static_cast<double>(amount.spans),
          .bytes = static_cast<double>(amount.bytes)};
}

std::string side_heads(std::string_view label) {
  return fmt::format("{:<{}}{}{}\n", label, kLabelWidth + 2, right("now", kNumberWidth),
                     right("then", kShareWidth + kNumberWidth));
}

std::string render_kept(const DryRun& run) {
  const base::Duration time = base::elapsed(run.start, run.end);
  std::string out = "\n" + side_heads("Kept");
  if (!run.is_weighted) {
    return out + render_rows(to_estimate(run.traffic), to_estimate(run.now.kept), to_estimate(run.then.kept), time);
  }
  out += render_rows(to_estimate(run.traffic), to_estimate(run.now.kept), to_estimate(run.then.kept), {});
  out += "\n" + side_heads("Of all traffic");
  return out + render_rows(run.estimated, run.now.estimated, run.then.estimated, time);
}

std::array<std::string, 3> counts_of(const DryRunSide& side, const std::string& name) {
  const auto found = std::ranges::find(side.policies, name, &DryRunPolicy::name);
  if (found == side.policies.end()) return {"-", "-", "-"};
  return {grouped(found->decided), grouped(found->voted), grouped(found->alone)};
}

// Policies of either side; those of one name stand in one row.
std::string render_policies(const DryRun& run, const TerminalStyle& style) {
  std::vector<std::string> names;
  for (const DryRunSide* side : {&run.now, &run.then}) {
    for (const DryRunPolicy& policy : side->policies) {
      if (std::ranges::count(names, policy.name) == 0) names.push_back(policy.name);
    }
  }
  if (names.empty()) return "";
  size_t width = kNameWidthMin;
  for (const std::string& name : names) width = std::max(width, display_width(harmless(name)));
  const size_t sides = (run.now.policies.empty() ? 0 : 1) + (run.then.policies.empty() ? 0 : 1);
  const size_t taken = 2 + sides * (3 * kCountWidth + kSideGap);
  width = std::clamp(width, kNameWidthMin, style.width > taken + kNameWidthMin ? style.width - taken : kNameWidthMin);
  const auto add_side = [](std::string& line, const std::array<std::string, 3>& cells) {
    line += std::string(kSideGap, ' ');
    for (const std::string& cell : cells) line += right(cell, kCountWidth);
  };
  std::string out = "\n" + pad("Policies", width + 2, style.unicode);
  const std::array<std::string, 3> heads = {"first", "voted", "alone"};
  for (const auto& [label, side] : {std::pair("now", &run.now), std::pair("then", &run.then)}) {
    if (!side->policies.empty()) add_side(out, {fmt::format("{}: {}", label, heads[0]), heads[1], heads[2]});
  }
  out += "\n";
  for (const std::string& name : names) {
    out += "  " + pad(harmless(name), width, style.unicode);
    for (const DryRunSide* side : {&run.now, &run.then}) {
      if (!side->policies.empty()) add_side(out, counts_of(*side, name));
    }
    out += "\n";
  }
  return out;
}

std::string mark_of(const DryRunTrace& one) { return one.error_count != 0 ? "error" : one.is_slow ? "slow" : ""; }

std::string render_change(const DryRunChange& change, std::string_view title, const DryRun& run,
                          const TerminalStyle& style) {
  if (change.traces == 0) return fmt::format("\n{}: no trace\n", title);
  const uint64_t others = change.traces - change.with_errors - change.slow;
  std::string out = fmt::format("\n{}: {}: {} with errors, {} slow ({} or more), {} others\n", title,
                                counted(change.traces, "trace"), grouped(change.with_errors), grouped(change.slow),
                                base::format_duration(run.slow_from), grouped(others));
  for (const DryRunTrace& one : change.examples) {
    std::string line =
        fmt::format("  {}  {:<5}  {}  {}", one.id.to_hex(), mark_of(one), right(base::format_duration(one.duration), 7),
                    harmless(one.service) + " " + harmless(one.operation));
    if (!one.policy.empty()) line += "  (" + harmless(one.policy) + ")";
    out += fit(line, style.width, style.unicode) + "\n";
  }
  if (change.traces > change.examples.size()) {
    out += fmt::format("  and {} more\n", grouped(change.traces - change.examples.size()));
  }
  return out;
}

// Broken at spaces; what follows the first line is indented.
std::string wrapped(std::string_view text, size_t width) {
  std::string out, line = "!";
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? "" : text.substr(space + 1);
    if (display_width(line) + 1 + display_width(word) > width && line.size() > 1) {
      out += line + "\n";
      line = " ";
    }
    line += " " + std::string(word);
  }
  return out + line + "\n";
}

}  // namespace

std::string byte_text(double bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string render_dry_run(const DryRun& run, const DryRunSetting& setting, const TerminalStyle& style) {
  std::string out = fmt::format("Traffic: {} ({} with errors), {}, {} of OTLP, over {}\n",
                                counted(run.traffic.traces, "trace"), grouped(run.with_errors),
                                counted(run.traffic.spans, "span"), byte_text(static_cast<double>(run.traffic.bytes)),
                                base::format_duration(base::elapsed(run.start, run.end)));
  out += fmt::format("  from  {}\n  now   {}\n  then  {}\n", harmless(setting.traffic), harmless(setting.now),
                     harmless(setting.then));
  out += render_kept(run);
  out += render_policies(run, style);
  out += render_change(run.lost, "Lost, kept now", run, style);
  out += render_change(run.gained, "Gained, dropped now", run, style);
  if (!setting.warnings.empty()) out += "\n";
  for (const std::string& warning : setting.warnings) out += wrapped(warning, style.width);
  return out;
}

}  // namespace backstitch::app
