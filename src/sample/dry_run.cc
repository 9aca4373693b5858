#include "sample/dry_run.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace backstitch::sample {
namespace {

constexpr size_t kSlowOneIn = 100;

void add(const RecordedTrace& one, DryRunAmount& amount) {
  ++amount.traces;
  amount.spans += one.trace.spans.size();
  amount.bytes += one.bytes;
}

void add(const RecordedTrace& one, double times, DryRunEstimate& estimate) {
  estimate.traces += times;
  estimate.spans += times * static_cast<double>(one.trace.spans.size());
  estimate.bytes += times * static_cast<double>(one.bytes);
}

DryRunSide side_of(std::span<const RecordedTrace> traffic, const Replay& replay, bool is_weighted) {
  DryRunSide side;
  for (const std::string& name : replay.policies) side.policies.push_back({.name = name});
  for (size_t i = 0; i < traffic.size(); ++i) {
    const ReplayOutcome& outcome = replay.outcomes[i];
    if (outcome.is_kept) add(traffic[i], side.kept);
    // Where everything was recorded there is nothing to estimate.
    const double share = is_weighted ? traffic[i].weight * outcome.probability : outcome.is_kept ? 1 : 0;
    add(traffic[i], share, side.estimated);
    for (size_t policy = 0; policy < side.policies.size(); ++policy) {
      if (outcome.policy == policy) ++side.policies[policy].decided;
      if (!outcome.has_vote_of(policy)) continue;
      ++side.policies[policy].voted;
      if (outcome.is_kept && std::has_single_bit(outcome.voted)) ++side.policies[policy].alone;
    }
  }
  return side;
}

base::Duration duration_of(const model::TraceSummary& summary) {
  return std::max(summary.duration(), base::Duration(0));
}

base::Duration slow_from(const std::vector<model::TraceSummary>& summaries) {
  std::vector<base::Duration> durations;
  for (const model::TraceSummary& summary : summaries) durations.push_back(duration_of(summary));
  if (durations.empty()) return base::Duration(0);
  const auto at = static_cast<ptrdiff_t>(durations.size() - 1 - (durations.size() - 1) / kSlowOneIn);
  std::ranges::nth_element(durations, durations.begin() + at);
  return durations[static_cast<size_t>(at)];
}

int rank(const DryRunTrace& trace) { return trace.error_count != 0 ? 0 : trace.is_slow ? 1 : 2; }

void add_change(const model::TraceSummary& summary, const std::string& policy, base::Duration slow_from,
                DryRunChange& change) {
  const base::Duration duration = duration_of(summary);
  change.examples.push_back({.id = summary.id,
                             .service = summary.root_service,
                             .operation = summary.root_operation,
                             .start = summary.start,
                             .duration = duration,
                             .span_count = summary.span_count,
                             .error_count = summary.error_count,
                             .is_slow = duration >= slow_from && duration.count() > 0,
                             .policy = policy});
  const int rank_of = rank(change.examples.back());
  ++change.traces;
  change.with_errors += rank_of == 0 ? 1 : 0;
  change.slow += rank_of == 1 ? 1 : 0;
}

void choose_examples(size_t examples_max, DryRunChange& change) {
  std::ranges::sort(change.examples, {},
                    [](const DryRunTrace& one) { return std::tuple(rank(one), -one.duration, one.id); });
  if (change.examples.size() > examples_max) change.examples.resize(examples_max);
}

std::string policy_of(const Replay& replay, size_t trace) {
  const uint8_t policy = replay.outcomes[trace].policy;
  return policy < replay.policies.size() ? replay.policies[policy] : "";
}

}  // namespace

DryRun compare(std::span<const RecordedTrace> traffic, const Replay& now, const Replay& then,
               const DryRunOptions& options) {
  assert(now.outcomes.size() == traffic.size() && then.outcomes.size() == traffic.size());
  DryRun run;
  std::vector<model::TraceSummary> summaries;
  for (const RecordedTrace& one : traffic) {
    const model::TraceSummary& summary = summaries.emplace_back(summarize(one.trace));
    add(one, run.traffic);
    add(one, one.weight, run.estimated);
    run.is_weighted |= one.weight > 1;
    run.with_errors += summary.error_count != 0 ? 1 : 0;
    if (summary.start.is_set() && (!run.start.is_set() || summary.start < run.start)) run.start = summary.start;
    run.end = std::max(run.end, summary.end);
  }
  run.slow_from = slow_from(summaries);
  run.now = side_of(traffic, now, run.is_weighted);
  run.then = side_of(traffic, then, run.is_weighted);
  for (size_t i = 0; i < traffic.size(); ++i) {
    const bool is_kept_now = now.outcomes[i].is_kept, is_kept_then = then.outcomes[i].is_kept;
    if (is_kept_now && !is_kept_then) add_change(summaries[i], policy_of(now, i), run.slow_from, run.lost);
    if (is_kept_then && !is_kept_now) add_change(summaries[i], policy_of(then, i), run.slow_from, run.gained);
  }
  choose_examples(options.examples_max, run.lost);
  choose_examples(options.examples_max, run.gained);
  return run;
}

}  // namespace backstitch::sample
