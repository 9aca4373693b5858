#include "app/why_text.h"

#include <fmt/format.h>

#include "app/terminal.h"
#include "app/waterfall.h"
#include "base/duration.h"

namespace backstitch::app {
namespace {

using model::Decision;
using model::DecisionCause;
using model::Verdict;
using query::TraceWhy;
using query::WhyDecision;

std::string_view cause_text(DecisionCause cause) {
  switch (cause) {
    case DecisionCause::Window:
      return "when its window ended";
    case DecisionCause::EarlyAtCap:
      return "early: as many traces were open as num_traces or memory allow";
    case DecisionCause::EarlyAtSize:
      return "early: it was as large or as old as a fragment may be";
    case DecisionCause::Drain:
      return "early: the server was told to decide what is open";
    case DecisionCause::Reopened:
      return "after all: evidence that came later took a drop back";
    case DecisionCause::Person:
      return "because a person asked for it";
    case DecisionCause::Peer:
      return "because another node kept it";
  }
  return "";
}

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += fmt::format("{}{}", text.empty() ? "" : ", ", harmless(name));
  return text;
}

std::string policy_text(const WhyDecision& one) {
  const bool is_kept = one.decision.verdict == Verdict::Kept;
  std::string text = one.policy.empty() ? fmt::format("No policy {}.", is_kept ? "decided that" : "kept it")
                                        : fmt::format("Decided by {}.", harmless(one.policy));
  if (!one.voted.empty()) text += fmt::format(" For {} it: {}.", is_kept ? "keeping" : "dropping", listed(one.voted));
  return text;
}

std::string seen_text(const Decision& decision) {
  const std::string errors =
      decision.error_count == 0 ? "none with an error" : fmt::format("{} with an error", grouped(decision.error_count));
  return fmt::format("Known then: {}, {}, {} from start to end.", counted(decision.span_count, "span"), errors,
                     base::format_duration(decision.duration));
}

std::string window_text(const Decision& decision) {
  if (!decision.opened.is_set()) return "";
  return fmt::format("  Its first span came at {}, {} before.\n", time_text(decision.opened),
                     base::format_duration(base::elapsed(decision.opened, decision.decided)));
}

std::string late_text(const Decision& decision) {
  if (decision.late_span_count == 0) return "";
  return fmt::format("  {} came later and {} {} too.\n", counted(decision.late_span_count, "span"),
                     decision.late_span_count == 1 ? "was" : "were",
                     decision.verdict == Verdict::Kept ? "kept" : "dropped");
}

std::string decision_text(const WhyDecision& one) {
  const Decision& decision = one.decision;
  const std::string node = one.node.empty() ? "" : fmt::format("on {}, ", harmless(one.node));
  std::string text = fmt::format("\n{}: {}{} {}\n  {}\n  {}\n", time_text(decision.decided), node,
                                 decision.verdict == Verdict::Kept ? "kept" : "dropped", cause_text(decision.cause),
                                 policy_text(one), seen_text(decision));
  text += window_text(decision) + late_text(decision);
  if (decision.weight != 1) text += fmt::format("  It stands for {:g} traces like it.\n", decision.weight);
  return text;
}

}  // namespace

std::string render_why(const TraceWhy& why) {
  const std::string id = why.id.to_hex();
  if (why.decisions.empty()) {
    return fmt::format(
        "Nothing was decided about trace {}: it never came, is open still, or was decided longer ago than decisions "
        "are kept.\n",
        id);
  }
  std::string text = fmt::format("Trace {} was {}.\n", id, why.was_kept() ? "kept" : "dropped");
  for (const WhyDecision& one : why.decisions) text += decision_text(one);
  if (!why.was_kept() && why.reopen_until.is_set()) {
    text += fmt::format("\nIt can be taken back until {}: backstitch keep {}\n", time_text(why.reopen_until), id);
  }
  if (!why.missing.empty()) {
    text += fmt::format("\n{} did not answer, and may have decided about it too.\n",
                        harmless(query::names_of(why.missing)));
  } else if (why.is_partial) {
    text += "\nThere is more that could not be read, or would be too much to tell.\n";
  }
  return text;
}

}  // namespace backstitch::app
