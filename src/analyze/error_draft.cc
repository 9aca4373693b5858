#include "analyze/error_draft.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>

namespace backstitch::analyze {
namespace {

using model::ErrorNode;
using model::ReportedErrorTree;
using model::Span;

constexpr std::string_view kUnknownService = "unknown_service";

class Collector {
 public:
  Collector(const model::Trace& trace, const ServiceCalls& calls, std::span<const ReportedErrorTree> reported)
      : trace_(trace), calls_(calls), is_used_(calls.hops.size(), false) {
    for (const ReportedErrorTree& one : reported) {
      if (one.span < trace.spans.size() && !one.tree.empty()) by_span_.emplace(one.span, &one);
    }
    // The first of those that one span called: its others were attempts.
    for (size_t hop = 0; hop < calls.hops.size(); ++hop) {
      const Span& entry = trace.spans[calls.hops[hop].entry];
      if (!entry.is_root()) by_parent_span_.emplace(entry.parent_span_id, hop);
    }
  }

  // What reported may take in what stands in another root's spans, so it comes first.
  Drafts collect() {
    std::vector<size_t> roots = calls_.roots;
    std::ranges::stable_partition(roots, [&](size_t hop) { return by_span_.contains(calls_.hops[hop].entry); });
    std::vector<std::pair<size_t, size_t>> placed;  // hop, draft
    for (const size_t hop : roots) {
      if (is_used_[hop]) continue;
      placed.emplace_back(hop, drafts_.all.size());
      is_used_[hop] = true;
      add(kNone, {.hop = hop});
      expand_all();
    }
    std::ranges::sort(placed);  // hops are numbered in order of the roots' starts
    for (const auto& [hop, draft] : placed) drafts_.roots.push_back(draft);
    return std::move(drafts_);
  }

 private:
  size_t add(size_t parent, Draft draft) {
    const size_t index = drafts_.all.size();
    draft.parent = parent;
    drafts_.all.push_back(std::move(draft));
    if (parent == kNone) return index;
    Draft& above = drafts_.all[parent];
    (above.last_child == kNone ? above.first_child : drafts_.all[above.last_child].next_sibling) = index;
    above.last_child = index;
    return index;
  }

  void expand_all() {
    for (; expanded_ < drafts_.all.size(); ++expanded_) {
      const size_t hop = drafts_.all[expanded_].hop;
      if (hop == kNone) continue;
      const auto report = by_span_.find(calls_.hops[hop].entry);
      if (report != by_span_.end()) {
        expand_report(expanded_, hop, *report->second);
      } else {
        expand_hop(expanded_, hop);
      }
    }
  }

  void expand_hop(size_t index, size_t hop) {
    const Span& entry = trace_.spans[calls_.hops[hop].entry];
    const SpanOutcome outcome = outcome_of(entry);
    Draft& draft = drafts_.all[index];
    draft.node.service = calls_.services[entry.resource];
    draft.node.operation = entry.name;
    draft.node.code = outcome.code;
    draft.node.error = outcome.message;
    draft.node.duration = entry.duration();
    draft.node.span_id = entry.span_id;
    draft.end = entry.end;
    draft.is_composed = true;
    draft.is_alarming |= entry.is_error();
    const size_t internal = calls_.hops[hop].first_failing_internal;
    if (outcome.message.empty() && !outcome.code.is_ok() && internal != kNone) {
      draft.node.error = outcome_of(trace_.spans[internal]).message;
    }
    for (const size_t call : calls_.hops[hop].calls) expand_call(index, calls_.calls[call]);
  }

  bool does_fail(const Attempt& attempt) const {
    if (attempt.caller != kNone && !outcome_of(trace_.spans[attempt.caller]).code.is_ok()) return true;
    if (attempt.callee == kNone) return false;
    const size_t entry = calls_.hops[attempt.callee].entry;
    const auto report = by_span_.find(entry);
    if (report != by_span_.end()) return report->second->tree.is_failing(0);
    return !outcome_of(trace_.spans[entry]).code.is_ok();
  }

  // The first attempt that did not fail, else the last.
  const Attempt& decisive(const Call& call) const {
    const auto good = std::ranges::find_if(call.attempts, [&](const Attempt& one) { return !does_fail(one); });
    return good == call.attempts.end() ? call.attempts.back() : *good;
  }

  void expand_call(size_t parent, const Call& call) {
    const Attempt& attempt = decisive(call);
    Draft draft;
    draft.node.count = static_cast<uint32_t>(call.attempts.size());
    draft.is_async = call.is_async;
    for (const Attempt& one : call.attempts) {
      draft.is_alarming |= one.caller != kNone && trace_.spans[one.caller].is_error();
    }
    const bool has_callee = attempt.callee != kNone && !is_used_[attempt.callee];
    if (attempt.caller != kNone) {
      const Span& span = trace_.spans[attempt.caller];
      const SpanOutcome outcome = outcome_of(span);
      const bool gives_up = outcome.code == model::ErrorCode::from_number(model::ErrorCode::kDeadlineExceeded) ||
                            outcome.code == model::ErrorCode::from_name("cancelled");
      const CallerWord word{outcome.code, outcome.message, span.duration(), span.span_id, span.end, gives_up};
      if (!has_callee) {
        add_leaf(parent, span, word, std::move(draft));
        return;
      }
      if (outcome.is_stated) draft.caller = word;
    }
    if (!has_callee) return;
    is_used_[attempt.callee] = true;
    draft.hop = attempt.callee;
    add(parent, std::move(draft));
  }

  void add_leaf(size_t parent, const Span& span, const CallerWord& word, Draft draft) {
    draft.name = peer_of(span);
    draft.node.operation = span.name;
    draft.node.code = word.code;
    draft.node.error = word.message;
    draft.node.duration = word.duration;
    draft.node.span_id = word.span_id;
    draft.is_composed = true;
    if (!word.code.is_ok()) draft.node.observed = model::Observed::ByCaller;
    add(parent, std::move(draft));
  }

  // Its nodes below the node that stands already.
  void expand_report(size_t index, size_t hop, const ReportedErrorTree& report) {
    std::vector<size_t> branch{index};  // by depth
    for (size_t i = 0; i < report.tree.size(); ++i) {
      ErrorNode node = report.tree.node(i);
      branch.resize(std::max<size_t>(node.depth, 1));
      size_t at = index;
      if (i == 0) {
        node.count = drafts_.all[index].node.count;
        drafts_.all[index].node = node;
        drafts_.all[index].report = &report;
        drafts_.all[index].end = trace_.spans[calls_.hops[hop].entry].end;
        drafts_.all[index].is_alarming |= trace_.spans[calls_.hops[hop].entry].is_error();
        branch = {index};
      } else {
        at = add(branch.back(), take_in(report.tree, i));
        branch.push_back(at);
      }
      drafts_.all[at].is_alarming |= report.tree.is_failing(i);
    }
  }

  // A reported node; or, where it is only what a caller saw and the callee's spans are here, their hop.
  Draft take_in(const model::ErrorTree& tree, size_t i) {
    const ErrorNode node = tree.node(i);
    const bool is_leaf = i + 1 == tree.size() || tree.depth(i + 1) <= node.depth;
    if (is_leaf && node.observed == model::Observed::ByCaller && node.span_id.is_valid()) {
      const auto callee = by_parent_span_.find(node.span_id);
      if (callee != by_parent_span_.end() && !is_used_[callee->second]) {
        is_used_[callee->second] = true;
        Draft draft{.hop = callee->second,
                    .caller = CallerWord{node.code, node.error, node.duration, node.span_id, {}, true}};
        draft.node.count = node.count;
        return draft;
      }
    }
    return {.node = node};
  }

  const model::Trace& trace_;
  const ServiceCalls& calls_;
  absl::flat_hash_map<size_t, const ReportedErrorTree*> by_span_;
  absl::flat_hash_map<model::SpanId, size_t> by_parent_span_;  // hops
  std::vector<bool> is_used_;                                  // hops: each stands in one tree, once
  Drafts drafts_;
  size_t expanded_ = 0;
};

// --- On the way back: all children of a node were told before it ---

class Composer {
 public:
  explicit Composer(std::vector<Draft>& all) : all_(all) {}

  void compose(size_t index) {
    Draft& draft = all_[index];
    look_below(draft);
    if (draft.node.service.empty()) draft.node.service = draft.name.empty() ? kUnknownService : draft.name;
    if (draft.is_composed) tell(draft);
    if (draft.caller) join(draft, *draft.caller);
    find_path(index, draft);
  }

 private:
  void look_below(Draft& draft) {
    for (size_t child = draft.first_child; child != kNone; child = all_[child].next_sibling) {
      draft.is_alarming |= all_[child].is_alarming;
      draft.has_failing_child |= all_[child].is_failing();
    }
  }

  // Of those whose answers the service waited for.
  size_t first_failing_answer(const Draft& draft) const {
    for (size_t child = draft.first_child; child != kNone; child = all_[child].next_sibling) {
      if (all_[child].is_failing() && !all_[child].is_async) return child;
    }
    return kNone;
  }

  // "Composing", step 6.
  void tell(Draft& draft) {
    ErrorNode& node = draft.node;
    const size_t failing = first_failing_answer(draft);
    node.swallowed = !node.is_failing() && failing != kNone;
    if (!node.is_failing()) return;
    std::string text;
    if (failing != kNone && all_[failing].node.code != node.code) {
      text.append("[DRIFT: ").append(all_[failing].node.code.name()).append(" -> ");
      text.append(node.code.name()).append("] ");
    }
    if (!node.error.empty()) {
      text.append(node.error);
    } else if (failing == kNone) {
      text.append("an error occurred in service ").append(node.service);
    } else {
      const size_t above = all_[failing].above_origin;
      text.append("an upstream dependency failed in service ");
      text.append(above == kNone ? node.service : all_[above].node.service);
    }
    draft.text = std::move(text);
    node.error = draft.text;
  }

  // "Composing", step 2, and "Two verdicts on one call".
  static void join(Draft& draft, const CallerWord& caller) {
    ErrorNode& node = draft.node;
    node.observed = model::Observed::ByCallee;
    node.other_code.reset();
    if (node.code == caller.code) return;
    const bool gave_up = caller.gave_up || (draft.report != nullptr && draft.report->lateness);
    const bool counts = !caller.code.is_ok() && (!node.is_failing() || gave_up);
    if (!counts) {
      if (node.is_failing() && !node.code.is_seen_as(caller.code)) node.other_code = caller.code;
      return;
    }
    node.other_code = node.code;
    node.code = caller.code;
    node.observed = model::Observed::ByCaller;
    node.swallowed = false;
    node.duration = caller.duration;
    node.span_id = caller.span_id;
    draft.text = caller.message;
    if (draft.text.empty()) draft.text.append("an error occurred in service ").append(node.service);
    node.error = draft.text;
  }

  void find_path(size_t index, Draft& draft) {
    size_t hiding = kNone;
    for (size_t child = draft.first_child; child != kNone; child = all_[child].next_sibling) {
      if (all_[child].is_failing()) {
        draft.next = child;
        break;
      }
      if (all_[child].is_hiding && hiding == kNone) hiding = child;
    }
    draft.is_hiding = !draft.is_failing() && (draft.next != kNone || hiding != kNone);
    // A node that fails by itself is the origin, whatever was hidden from it.
    if (draft.next == kNone && !draft.is_failing()) draft.next = hiding;
    if (draft.next != kNone) {
      const size_t below = all_[draft.next].above_origin;
      draft.above_origin = below == kNone ? index : below;
    }
  }

  std::vector<Draft>& all_;
};

}  // namespace

Drafts collect_drafts(const model::Trace& trace, const ServiceCalls& calls,
                      std::span<const ReportedErrorTree> reported) {
  return Collector(trace, calls, reported).collect();
}

void compose_drafts(std::vector<Draft>& all) {
  Composer composer(all);
  for (size_t i = all.size(); i-- > 0;) composer.compose(i);
}

}  // namespace backstitch::analyze
