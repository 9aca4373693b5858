#include "sample/replay.h"

#include <algorithm>
#include <numeric>
#include <queue>

#include "sample/sampler.h"
#include "sample/span_set_input.h"

namespace backstitch::sample {
namespace {

using base::Timestamp;

// When a trace's window opens and when the last verdict about it falls.
struct Window {
  Timestamp opened;
  Timestamp judged;
};

Window window_of(const model::Trace& trace, const PolicySet& policies) {
  constexpr Timestamp kNever{UINT64_MAX};
  Timestamp first = kNever, root = kNever, last;
  for (const model::Span& span : trace.spans) {
    const Timestamp end = span.end.is_set() ? span.end : span.start;
    first = std::min(first, end);
    last = std::max(last, end);
    if (span.is_root()) root = std::min(root, end);
  }
  if (first == kNever) return {};
  Timestamp judged = base::offset(first, policies.decision_wait);
  if (policies.decision_wait_after_root_received.count() > 0 && root != kNever) {
    judged = std::min(judged, base::offset(root, policies.decision_wait_after_root_received));
  }
  return {.opened = first, .judged = std::max(judged, last)};
}

uint64_t most_open_at_once(std::vector<Window> windows) {
  std::ranges::sort(windows, {}, &Window::opened);
  std::priority_queue<Timestamp, std::vector<Timestamp>, std::greater<>> open;
  size_t most = 0;
  for (const Window& window : windows) {
    while (!open.empty() && open.top() <= window.opened) open.pop();
    open.push(window.judged);
    most = std::max(most, open.size());
  }
  return most;
}

Ballot ballot_on(Sampler& sampler, const RecordedTrace& recorded, Timestamp now) {
  TraceFeatures features;
  add_spans(sampler.plan(), recorded.trace, features);
  features.bytes = recorded.bytes;
  Ballot ballot = sampler.vote(recorded.trace.id, features, now);
  if (ballot.need() == TraceNeed::None) return ballot;
  const std::vector<CallSpan> calls = calls_of(recorded.trace);
  sampler.finish(ballot, recorded.trace.id, features, {.calls = calls, .trace = &recorded.trace}, now);
  return ballot;
}

// The place of `name`, added where it is new.
size_t place_of(const std::string& name, std::vector<std::string>& names) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

}  // namespace

Replay replay(const std::shared_ptr<const Plan>& plan, std::span<const RecordedTrace> traffic) {
  Replay result;
  for (const Policy& policy : plan->policies().policies) result.policies.push_back(policy.name);
  result.outcomes.resize(traffic.size());
  std::vector<Window> windows;
  for (const RecordedTrace& one : traffic) windows.push_back(window_of(one.trace, plan->policies()));
  std::vector<size_t> order(traffic.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::pair(windows[i].judged, traffic[i].trace.id); });
  Sampler sampler(plan, 1);
  for (const size_t i : order) {
    const Ballot ballot = ballot_on(sampler, traffic[i], windows[i].judged);
    result.failures += ballot.failed();
    result.too_large += ballot.is_too_large() ? 1 : 0;
    result.outcomes[i] = {.is_kept = ballot.verdict() == model::Verdict::Kept,
                          .probability = ballot.probability(),
                          .policy = ballot.policy(),
                          .voted = ballot.voted()};
  }
  result.open_max = most_open_at_once(std::move(windows));
  return result;
}

Replay as_decided(std::span<const RecordedTrace> traffic) {
  Replay result;
  for (const RecordedTrace& one : traffic) {
    const RecordedDecision decided = one.decided.value_or(RecordedDecision{});
    ReplayOutcome& outcome = result.outcomes.emplace_back();
    outcome.is_kept = decided.verdict == model::Verdict::Kept;
    outcome.probability = outcome.is_kept ? 1 / std::max(one.weight, 1.0) : 0;
    for (const std::string& name : decided.voted) {
      outcome.voted |= uint64_t{1} << std::min<size_t>(place_of(name, result.policies), 63);
    }
    if (decided.policy.empty()) continue;
    const size_t place = place_of(decided.policy, result.policies);
    if (place < model::Decision::kPoliciesMax) outcome.policy = static_cast<uint8_t>(place);
  }
  return result;
}

}  // namespace backstitch::sample
