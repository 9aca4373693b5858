#include "app/waterfall.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cmath>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <string_view>
#include <vector>

#include "base/duration.h"
#include "model/unsampled.h"

namespace backstitch::app {

using base::Duration;
using model::Span;

namespace {

// Characters that draw, in UTF-8 and where the terminal has only ASCII.
struct Glyphs {
  std::string_view pass, branch, last, blank, elbow;  // the tree
  std::string_view left_half, full, right_half, tick;
  std::string_view error, dot, deeper, ellipsis;
};
constexpr Glyphs kUnicode = {"│ ", "├─", "└─", "  ", "╰ ", "╺", "━", "╸", "┊", "✖", "·", "⋯", "…"};
constexpr Glyphs kAscii = {"| ", "|-", "`-", "  ", "`- ", "=", "=", "=", ":", "!", "-", "..", "..."};

constexpr std::string_view kReset = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[1;31m";
// Of 256: far apart, none red, readable on dark and on light.
constexpr int kServiceColors[] = {75, 178, 114, 170, 80, 209, 141, 107, 69, 180, 44, 139, 72, 215, 111, 176};

constexpr std::string_view kOrphanMark = " (parent missing)";
constexpr size_t kDurationWidth = 8;
constexpr size_t kDepthMax = 12;  // deeper levels share an indent
constexpr size_t kTicks = 4;

struct Row {
  const Span* span;
  size_t depth = 0;
  bool is_last = true;  // of its siblings
  bool has_children = false;
  bool is_orphan = false;
  std::vector<bool> goes_on;  // per level above: further siblings follow below
};

class Waterfall {
 public:
  Waterfall(const model::Trace& trace, const WaterfallOptions& options)
      : trace_(trace), options_(options), glyphs_(options.style.unicode ? kUnicode : kAscii) {}

  std::string render();

 private:
  void arrange();
  void measure();
  void color_services();
  void add_header();
  void add_axis();
  void add_row(const Row& row);
  void add_notes(const Row& row);
  void add_attributes(const Row& row);
  std::string guides(const Row& row, bool is_note) const;
  std::string duration_text(Duration duration) const;
  std::string bar(const Span& span) const;
  std::string painted(std::string_view color, std::string_view text) const {
    return options_.style.color && !text.empty() ? fmt::format("{}{}{}", color, text, kReset) : std::string(text);
  }
  std::string service_of(const Span& span) const { return trace_.resources[span.resource].service(); }
  std::string_view color_of(const Span& span) const { return colors_.at(service_of(span)); }

  const model::Trace& trace_;
  const WaterfallOptions& options_;
  const Glyphs& glyphs_;
  std::vector<Row> rows_;
  absl::flat_hash_map<std::string, std::string> colors_;
  base::Timestamp start_;
  Duration length_{1};
  size_t name_width_ = 0;
  size_t bar_width_ = 0;
  std::string out_;
};

std::string Waterfall::render() {
  arrange();
  measure();
  color_services();
  add_header();
  add_axis();
  for (const Row& row : rows_) {
    add_row(row);
    add_notes(row);
    if (options_.show_attributes) add_attributes(row);
  }
  if (trace_.spans.size() > rows_.size()) {
    out_ += painted(kDim, fmt::format("{} {} more spans; --max-spans shows them", glyphs_.ellipsis,
                                      grouped(trace_.spans.size() - rows_.size()))) +
            "\n";
  }
  return std::move(out_);
}

std::string Waterfall::duration_text(Duration duration) const {
  std::string text = base::format_duration(duration);
  constexpr std::string_view kMicro = "µ";
  const size_t at = text.find(kMicro);
  if (!options_.style.unicode && at != std::string::npos) text.replace(at, kMicro.size(), "u");
  return text;
}

// Depths and guides, from spans in tree order.
void Waterfall::arrange() {
  absl::flat_hash_map<model::SpanId, size_t> known;
  for (size_t i = 0; i < trace_.spans.size(); ++i) known.emplace(trace_.spans[i].span_id, i);
  std::vector<size_t> depths(trace_.spans.size());
  for (size_t i = 0; i < trace_.spans.size(); ++i) {
    const auto parent = known.find(trace_.spans[i].parent_span_id);
    // Only a parent that stands before its child hangs the child below it; tree order breaks cycles that way.
    if (parent != known.end() && parent->second < i) depths[i] = depths[parent->second] + 1;
  }
  const size_t shown = std::min(trace_.spans.size(), options_.spans_max);
  rows_.resize(shown);
  std::vector<bool> follows;  // per depth, looking from below: another span of this depth comes before a shallower one
  for (size_t i = trace_.spans.size(); i-- > 0;) {
    const size_t depth = depths[i];
    const bool has_next = follows.size() > depth && follows[depth];
    if (i < shown) {
      Row& row = rows_[i];
      row.span = &trace_.spans[i];
      row.depth = depth;
      row.is_last = !has_next;
      row.has_children = follows.size() > depth + 1 && follows[depth + 1];
      row.is_orphan = depth == 0 && row.span->parent_span_id.is_valid() && !is_unsampled(*row.span);
      follows.resize(std::max(follows.size(), depth + 1));
      row.goes_on.assign(follows.begin(), follows.begin() + static_cast<std::ptrdiff_t>(std::min(depth, kDepthMax)));
    }
    follows.resize(depth + 1);
    follows[depth] = true;
  }
}

void Waterfall::measure() {
  const model::TraceSummary summary = summarize(trace_);
  start_ = summary.start;
  length_ = std::max(summary.duration(), Duration(1));
  size_t widest = 24;
  for (const Row& row : rows_) {
    const size_t indent = 2 * std::min(row.depth, kDepthMax);
    const size_t mark = row.is_orphan ? kOrphanMark.size() : 0;
    widest = std::max(widest, indent + 4 + mark + display_width(service_of(*row.span)) + display_width(row.span->name));
  }
  const size_t width = options_.style.width;
  name_width_ = std::min(widest, width * 48 / 100);
  bar_width_ = width - name_width_ - kDurationWidth - 4;
}

void Waterfall::color_services() {
  for (const Row& row : rows_) {
    const size_t next = colors_.size() % std::size(kServiceColors);
    colors_.emplace(service_of(*row.span), fmt::format("\x1b[38;5;{}m", kServiceColors[next]));
  }
}

void Waterfall::add_header() {
  const model::TraceSummary summary = summarize(trace_);
  const std::string_view dot = glyphs_.dot;
  const auto plural = [](uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
  };
  const size_t width = options_.style.width;
  const bool unicode = options_.style.unicode;
  out_ += painted(kBold, fit(harmless(summary.root_service + "  " + summary.root_operation), width, unicode)) + "\n";
  std::string facts = fmt::format("{} {} {} {} {}", duration_text(length_), dot, plural(summary.span_count, "span"),
                                  dot, plural(summary.services.size(), "service"));
  if (summary.orphan_count != 0) facts += fmt::format(" {} {}", dot, plural(summary.orphan_count, "orphan"));
  if (trace_.is_open) facts += fmt::format(" {} still collecting", dot);
  std::string line = fit(facts, width, unicode);
  if (summary.error_count != 0) {
    const std::string errors = fmt::format(" {} {} {}", dot, glyphs_.error, plural(summary.error_count, "error"));
    if (display_width(facts) + display_width(errors) <= width) line += painted(kRed, errors);
  }
  out_ += line + "\n";
  out_ +=
      painted(kDim, fit(fmt::format("{} {} {}", time_text(start_), dot, trace_.id.to_hex()), width, unicode)) + "\n\n";
}

// Times above the bars: 0, and quarters of the whole.
void Waterfall::add_axis() {
  const size_t last_width = display_width(duration_text(length_));
  size_t free = 0;
  std::vector<std::pair<size_t, std::string>> labels;
  for (size_t i = 0; i <= kTicks; ++i) {
    const std::string label = i == 0 ? "0" : duration_text(length_ * static_cast<int64_t>(i) / kTicks);
    const size_t label_width = display_width(label);
    const size_t tick = bar_width_ * i / kTicks;
    const size_t at = i == kTicks ? bar_width_ - label_width : tick;
    const bool hits_last = i != kTicks && at + label_width + 2 + last_width > bar_width_;
    if (at < free || hits_last) continue;
    labels.emplace_back(at, label);
    free = at + label_width + 2;
  }
  std::string line(name_width_ + 2, ' ');
  size_t column = 0;
  for (const auto& [at, label] : labels) {
    line.append(at - column, ' ');
    line += label;
    column = at + display_width(label);
  }
  out_ += painted(kDim, line) + "\n";
}

std::string Waterfall::guides(const Row& row, bool is_note) const {
  std::string text;
  const size_t levels = std::min(row.depth, kDepthMax);
  // Level 0 has no guide of its own: roots stand at the margin.
  for (size_t level = 1; level < levels; ++level) text += row.goes_on[level] ? glyphs_.pass : glyphs_.blank;
  if (row.depth != 0) {
    if (is_note) {
      text += row.is_last ? glyphs_.blank : glyphs_.pass;
    } else {
      text += row.is_last ? glyphs_.last : glyphs_.branch;
    }
  }
  if (is_note) text += row.has_children ? glyphs_.pass : glyphs_.blank;
  if (!is_note && row.depth > kDepthMax) text += fmt::format("{}{} ", glyphs_.deeper, row.depth);
  return text;
}

void Waterfall::add_row(const Row& row) {
  const Span& span = *row.span;
  const bool unicode = options_.style.unicode;
  const std::string tree = guides(row, false);
  std::string sign = span.is_error() ? std::string(glyphs_.error) + " " : "";
  const size_t used = display_width(tree) + display_width(sign);
  const size_t room = name_width_ > used ? name_width_ - used : 0;
  // Where it is narrow the operation says more than the end of a service's name.
  const std::string service = fit(harmless(service_of(span)), std::max<size_t>(room / 2, 8), unicode);
  const std::string operation = harmless(span.name) + std::string(row.is_orphan ? kOrphanMark : "");
  const size_t service_width = std::min(display_width(service), room);
  const size_t operation_room = room > service_width + 1 ? room - service_width - 1 : 0;
  out_ += painted(kDim, tree) + painted(kRed, sign);
  out_ += painted(color_of(span), fit(service, room, unicode)) + " ";
  out_ += operation_room == 0 ? "" : pad(operation, operation_room, unicode);
  out_ += "  " + bar(span) + "  ";
  const std::string duration = duration_text(span.duration());
  const size_t duration_width = display_width(duration);
  out_ += std::string(kDurationWidth - std::min(kDurationWidth, duration_width), ' ');
  out_ += span.is_error() ? painted(kRed, duration) : duration;
  out_ += "\n";
}

// Two halves to a column, at least one half.
std::string Waterfall::bar(const Span& span) const {
  const double scale = static_cast<double>(bar_width_ * 2) / static_cast<double>(length_.count());
  const auto place = [&](Duration at) {
    return std::clamp<int64_t>(std::llround(static_cast<double>(at.count()) * scale), 0,
                               static_cast<int64_t>(bar_width_ * 2));
  };
  auto from = static_cast<size_t>(place(base::elapsed(start_, span.start)));
  from = std::min(from, bar_width_ * 2 - 1);
  const size_t to = std::max(from + 1, static_cast<size_t>(place(base::elapsed(start_, span.end))));
  std::string before;
  std::string line;
  std::string after;
  for (size_t column = 0; column < bar_width_; ++column) {
    const bool left = from <= 2 * column && 2 * column < to;
    const bool right = from <= 2 * column + 1 && 2 * column + 1 < to;
    const bool is_tick = column != 0 && (column * kTicks) % bar_width_ < kTicks;
    if (left || right) {
      line += left && right ? glyphs_.full : left ? glyphs_.right_half : glyphs_.left_half;
    } else {
      (line.empty() ? before : after) += is_tick ? glyphs_.tick : " ";
    }
  }
  return painted(kDim, before) + painted(span.is_error() ? kRed : color_of(span), line) + painted(kDim, after);
}

// What went wrong, under the span where it was seen first: the status message, else the exception.
void Waterfall::add_notes(const Row& row) {
  const Span& span = *row.span;
  if (!span.is_error()) return;
  std::string text = span.status.message;
  for (const model::Event& event : span.events) {
    const model::Value* type = find(event.attributes, "exception.type");
    const model::Value* message = find(event.attributes, "exception.message");
    if (event.name != "exception" || !text.empty()) continue;
    text = fmt::format("{}: {}", type == nullptr ? "exception" : to_text(*type),
                       message == nullptr ? "" : to_text(*message));
  }
  if (text.empty()) return;
  const std::string tree = guides(row, true);
  const size_t used = display_width(tree) + display_width(glyphs_.elbow);
  out_ +=
      painted(kDim, tree) + painted(kRed, std::string(glyphs_.elbow) +
                                              fit(harmless(text), options_.style.width - used, options_.style.unicode));
  out_ += "\n";
}

void Waterfall::add_attributes(const Row& row) {
  const std::string tree = guides(row, true);
  const size_t room = options_.style.width - std::min(options_.style.width - 8, display_width(tree) + 2);
  for (const model::Attribute& attribute : row.span->attributes) {
    const std::string text = fmt::format("{} = {}", attribute.key, to_text(attribute.value));
    out_ += painted(kDim, tree + "  " + fit(harmless(text), room, options_.style.unicode)) + "\n";
  }
}

}  // namespace

std::string render_waterfall(const model::Trace& trace, const WaterfallOptions& options) {
  if (trace.spans.empty()) return "";
  return Waterfall(trace, options).render();
}

std::string time_text(base::Timestamp time) {
  const auto seconds = static_cast<std::time_t>(time.unix_nanos / 1'000'000'000);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} UTC", fmt::gmtime(seconds), time.unix_nanos / 1'000'000 % 1000);
}

}  // namespace backstitch::app
