#include "app/fragments_text.h"

#include <algorithm>
#include <fmt/format.h>

#include "app/waterfall.h"

namespace backstitch::app {
namespace {

using model::DecisionCause;
using model::TraceFragment;

std::string_view end_text(DecisionCause cause) {
  switch (cause) {
    case DecisionCause::EarlyAtCap:
      return "too many traces were open";
    case DecisionCause::EarlyAtSize:
      return "it was as large or as old as a fragment may be";
    case DecisionCause::Drain:
      return "the server was told to end what is open";
    default:
      return "its window ended";
  }
}

std::string spans_text(uint64_t count) { return fmt::format("{} span{}", grouped(count), count == 1 ? "" : "s"); }

std::string line_of(const TraceFragment& one) {
  if (one.is_open()) return fmt::format("still collecting, {} so far", spans_text(one.span_count));
  const std::string joined = one.joined == 1 ? "" : fmt::format("{} fragments by now one, ", grouped(one.joined));
  return fmt::format("sealed {}, {}{}: {}", time_text(one.sealed_at), joined, spans_text(one.span_count),
                     end_text(one.ended_by));
}

}  // namespace

std::string render_fragments(const model::Trace& trace, const FragmentsTextOptions& options) {
  const uint64_t count = model::fragment_count(trace);
  if (count < 2) return "";
  const bool is_open = std::ranges::any_of(trace.fragments, &TraceFragment::is_open);
  std::string text = fmt::format("\n{} fragments, {}\n", grouped(count), is_open ? "still collecting" : "all sealed");
  const auto add = [&](const std::string& line) {
    text += fit("  " + line, options.style.width, options.style.unicode) + "\n";
  };
  const size_t hidden = trace.fragments.size() - std::min(trace.fragments.size(), options.lines_max);
  uint64_t before = 0;
  uint64_t spans = 0;
  for (size_t i = 0; i < hidden; ++i) {
    before += trace.fragments[i].joined;
    spans += trace.fragments[i].span_count;
  }
  if (hidden != 0) add(fmt::format("{} before these, {}", grouped(before), spans_text(spans)));
  for (size_t i = hidden; i < trace.fragments.size(); ++i) add(line_of(trace.fragments[i]));
  return text;
}

}  // namespace backstitch::app
