#include "ingest/decider.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <utility>

#include "assemble/fragment_reader.h"
#include "model/decision_batch.h"
#include "wire/otlp/decode.h"

namespace backstitch::ingest {

using assemble::Fragment;
using model::DecisionCause;
using model::Verdict;
using sample::TraceNeed;

namespace {

model::PolicySet names_of(const sample::Plan& plan) {
  model::PolicySet set;
  for (const sample::Policy& policy : plan.policies().policies) {
    set.names.push_back(policy.name);
    set.text += fmt::format("{}: {}\n", policy.name, sample::type_name(policy.rule));
  }
  // Equal names do not make equal policies.
  set.text += fmt::format("fingerprint: {:016x}\n", plan.fingerprint());
  return set;
}

// Half of what DecisionRunOptions lets wait: a batch always fits.
constexpr uint64_t kPendingMax = 1 << 17;

// A trace that goes on for longer after a restart is taken for a new one.
constexpr base::Duration kAsksAfterStart = std::chrono::minutes(10);

base::Counter& decided(base::Metrics& metrics, const char* verdict) {
  return metrics.counter("backstitch_sampling_decisions", "Decisions about traces", {{"verdict", verdict}});
}

}  // namespace

Decider::Counters::Counters(base::Metrics& metrics, const sample::Plan& plan)
    : kept(decided(metrics, "kept")),
      dropped(decided(metrics, "dropped")),
      early(metrics.counter("backstitch_sampling_early_decisions",
                            "Decisions made before the window ended, since a bound was reached")),
      reopened(metrics.counter("backstitch_sampling_reopened", "Dropped traces that later evidence took back")),
      regretted(metrics.counter("backstitch_sampling_regretted",
                                "Traces with evidence that came when what was dropped of them was gone")),
      late_spans(metrics.counter("backstitch_sampling_late_spans", "Spans that followed an earlier decision")),
      failed(metrics.counter("backstitch_sampling_policy_failures", "Policies that could not be evaluated")) {
  for (const sample::Policy& policy : plan.policies().policies) {
    of_policies.push_back(&metrics.counter("backstitch_sampling_policy_decisions",
                                           "Decisions by the policy that made it", {{"policy", policy.name}}));
  }
}

base::Result<std::unique_ptr<Decider>> Decider::open(const base::Clock& clock, log::Log& log,
                                                     store::DecisionStore& decisions,
                                                     std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics) {
  const auto number = decisions.add_policy_set(names_of(*plan));
  if (!number) return std::unexpected(number.error());
  return std::unique_ptr<Decider>(new Decider(clock, log, decisions, std::move(plan), metrics, *number));
}

Decider::Decider(const base::Clock& clock, log::Log& log, store::DecisionStore& decisions,
                 std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics, uint32_t policy_set)
    : clock_(clock),
      log_(log),
      decisions_(decisions),
      plan_(plan),
      sampler_(plan, 1),
      policy_set_(policy_set),
      counters_(metrics, *plan),
      started_(clock.monotonic()) {}

base::Result<Verdicts> Decider::vote(const std::vector<Fragment>& due) {
  const base::Timestamp now = clock_.now();
  auto cases = begin_all(due);
  if (!cases) return std::unexpected(cases.error());
  for (Case& one : *cases) {
    if (one.is_voting) one.ballot = sampler_.vote(one.fragment->id, one.features, now);
  }
  if (const auto asked = ask_about_traces(*cases, now); !asked) return std::unexpected(asked.error());
  Verdicts verdicts;
  for (const Case& one : *cases) conclude(one, (*cases)[one.judged_by], now, verdicts);
  count(verdicts);
  return verdicts;
}

// Fragments of one trace that are due together are judged by the last of them, on what is known of all.
base::Result<std::vector<Decider::Case>> Decider::begin_all(const std::vector<Fragment>& due) {
  std::vector<Case> cases;
  absl::flat_hash_map<model::TraceId, size_t> last;
  for (size_t i = 0; i < due.size(); ++i) last[due[i].id] = i;
  for (size_t i = 0; i < due.size(); ++i) {
    auto one = begin(due[i]);
    if (!one) return std::unexpected(one.error());
    one->judged_by = last[due[i].id];
    one->features = due[i].features;
    cases.push_back(std::move(*one));
  }
  for (size_t i = 0; i < cases.size(); ++i) {
    Case& one = cases[i];
    if (one.judged_by == i) continue;
    Case& judge = cases[one.judged_by];
    merge(judge.features, one.features);
    one.is_voting = false;
    judge.has_history = true;
    judge.is_regretted = false;
    if (one.is_kept) judge.is_kept = true;
    if (judge.is_kept) judge.is_voting = false;
    if (!judge.is_kept) judge.cause = DecisionCause::Reopened;
  }
  return cases;
}

// What is known of the trace before anybody votes.
base::Result<Decider::Case> Decider::begin(const Fragment& fragment) {
  Case one{.fragment = &fragment, .cause = fragment.cause};
  one.is_kept = fragment.verdict == Verdict::Kept;
  if (one.is_kept) return one;
  one.is_voting = true;
  if (fragment.verdict == Verdict::Dropped) {
    one.has_history = true;
    one.cause = DecisionCause::Reopened;
    return one;
  }
  if (!may_have_history(fragment.id)) return one;
  const auto history = decisions_.find(fragment.id);
  // What is damaged stays so; the store counts it.
  if (!history && history.error().code != base::Errc::Corrupt) return std::unexpected(history.error());
  if (!history || history->decisions.empty()) return one;
  one.has_history = true;
  one.is_kept = history->decisions.back().verdict == Verdict::Kept;
  one.is_voting = !one.is_kept;
  one.is_regretted = one.is_voting;
  if (one.is_regretted) one.cause = DecisionCause::Reopened;
  return one;
}

bool Decider::may_have_history(const model::TraceId& id) const {
  return recent_.may_contain(id) || recently_kept_.may_contain(id) || clock_.monotonic() - started_ < kAsksAfterStart;
}

// Few policies look at a whole trace, and only where the verdict hangs on it: these are read back together.
base::Result<> Decider::ask_about_traces(std::vector<Case>& cases, base::Timestamp now) {
  std::vector<Case*> asked;
  std::vector<Fragment> fragments;
  for (Case& one : cases) {
    if (!one.is_voting || one.ballot.need() == TraceNeed::None) continue;
    asked.push_back(&one);
    fragments.push_back(*one.fragment);
  }
  if (asked.empty()) return {};
  const auto read = assemble::read_fragments(log_, fragments);
  if (!read) return std::unexpected(read.error());
  for (size_t i = 0; i < asked.size(); ++i) {
    Case& one = *asked[i];
    // Of a trace in several fragments the last one alone: the rest of it is in grace.
    const auto trace = wire::otlp::decode_trace(one.fragment->id, read->otlp[i]);
    std::vector<sample::CallSpan> calls;
    if (trace) calls = sample::calls_of(*trace);
    // Where it cannot be read the policies that look at it fail, which is counted.
    const sample::WholeTrace whole{.calls = calls, .trace = trace ? &*trace : nullptr};
    sampler_.finish(one.ballot, one.fragment->id, one.features, whole, now);
  }
  return {};
}

void Decider::conclude(const Case& one, const Case& judge, base::Timestamp now, Verdicts& verdicts) {
  const Fragment& fragment = *one.fragment;
  const bool is_kept = judge.is_kept || (judge.is_voting && judge.ballot.verdict() == Verdict::Kept);
  (is_kept ? verdicts.kept : verdicts.dropped).push_back(fragment);
  if (&one != &judge) return;
  counters_.failed.add(one.ballot.failed());
  if (one.has_history && is_kept == one.is_kept) {  // as it was decided before
    const uint32_t late = fragment.verdict ? fragment.late_span_count : fragment.span_count;
    if (late != 0) verdicts.batch.late_spans.push_back({.id = fragment.id, .count = late, .received = now});
    return;
  }
  if (one.is_kept && fragment.is_recorded) {
    recently_kept_.add(fragment.id);
    return;
  }
  if (one.is_regretted) counters_.regretted.add();
  verdicts.batch.decisions.push_back(decision_of(one, now));
}

model::Decision Decider::decision_of(const Case& one, base::Timestamp now) const {
  const Fragment& fragment = *one.fragment;
  model::Decision decision = one.ballot.decision(fragment.id, one.features);
  if (one.is_kept) decision.verdict = Verdict::Kept;
  decision.cause = one.cause;
  decision.policy_set = policy_set_;
  decision.opened = base::offset(now, fragment.opened - clock_.monotonic());
  decision.decided = now;
  return decision;
}

void Decider::count(const Verdicts& verdicts) {
  for (const model::Decision& decision : verdicts.batch.decisions) {
    (decision.verdict == Verdict::Kept ? counters_.kept : counters_.dropped).add();
    if (decision.cause == DecisionCause::EarlyAtCap || decision.cause == DecisionCause::EarlyAtSize) {
      counters_.early.add();
    }
    if (decision.cause == DecisionCause::Reopened) counters_.reopened.add();
    if (decision.policy < counters_.of_policies.size()) counters_.of_policies[decision.policy]->add();
  }
  for (const model::LateSpans& late : verdicts.batch.late_spans) counters_.late_spans.add(late.count);
}

base::Result<> Decider::record(const Verdicts& verdicts) {
  if (verdicts.batch == model::DecisionBatch()) return {};
  if (const auto appended = append(verdicts.batch); !appended) return appended;
  remember(verdicts.batch);
  return {};
}

void Decider::remember(const model::DecisionBatch& batch) {
  for (const model::Decision& decision : batch.decisions) {
    (decision.verdict == Verdict::Kept ? recently_kept_ : recent_).add(decision.id);
  }
}

base::Result<> Decider::record_keep(const std::vector<Fragment>& fragments, DecisionCause cause) {
  const base::Timestamp now = clock_.now();
  model::Decision decision{.verdict = Verdict::Kept, .cause = cause, .policy_set = policy_set_, .decided = now};
  sample::TraceFeatures features;
  for (const Fragment& fragment : fragments) {
    decision.id = fragment.id;
    const base::Timestamp opened = base::offset(now, fragment.opened - clock_.monotonic());
    if (!decision.opened.is_set() || opened < decision.opened) decision.opened = opened;
    merge(features, fragment.features);
  }
  decision.duration = features.duration();
  decision.span_count = features.span_count;
  decision.error_count = features.error_count;
  return append({.decisions = {decision}, .late_spans = {}});
}

// Into the log, and from there into the decision store.
base::Result<> Decider::append(const model::DecisionBatch& batch) {
  if (const auto room = make_room(); !room) return room;
  base::Result<> taken;
  const auto take = [&](const log::Appended& at) { taken = decisions_.append(batch, at.sequence); };
  const log::RecordInfo info{.kind = log::RecordKind::Decision, .received = clock_.now()};
  const auto appended = log_.append(info, {}, model::encode_decisions(batch), {.references = 1}, take);
  if (!appended) return std::unexpected(appended.error());
  const std::scoped_lock lock(recorded_mutex_);
  recorded_.push_back({appended->position, appended->sequence});
  return taken;
}

std::optional<model::Decision> Decider::decided_before(const model::TraceId& id, uint64_t spans,
                                                       base::Timestamp received) {
  const auto history = decisions_.find(id);
  if (!history || history->decisions.empty()) return std::nullopt;
  const model::Decision& last = history->decisions.back();
  // What came later is judged anew. Decisions are kept to the millisecond.
  if (spans > uint64_t{last.span_count} + last.late_span_count) return std::nullopt;
  if (base::offset(last.decided, std::chrono::milliseconds(1)) < received) return std::nullopt;
  return last;
}

uint32_t Decider::replayed(const log::Appended& at, const model::DecisionBatch& batch) {
  remember(batch);
  if (at.sequence <= decisions_.durable_sequence()) return 0;
  if (!decisions_.append(batch, at.sequence)) return 0;
  const std::scoped_lock lock(recorded_mutex_);
  recorded_.push_back({at.position, at.sequence});
  return 1;
}

// The decision store takes what the log has taken.
base::Result<> Decider::make_room() {
  while (decisions_.stats().pending >= kPendingMax) {
    if (const auto more = maintain({}); !more) return std::unexpected(more.error());
  }
  return {};
}

base::Result<bool> Decider::maintain(std::stop_token stop) {
  const std::scoped_lock lock(maintaining_);
  auto more = decisions_.maintain(std::move(stop));
  release_durable();
  return more;
}

void Decider::enforce_retention(base::Timestamp oldest_kept, uint64_t bytes_max) {
  const std::unique_lock lock(maintaining_, std::try_to_lock);
  if (!lock) return;  // a merge is going on: at the next turn
  (void)decisions_.remove_decided_before(oldest_kept);
  while (decisions_.stats().disk_bytes > bytes_max) {
    const auto removed = decisions_.remove_oldest();
    if (!removed || *removed == 0) return;
  }
}

void Decider::release_durable() {
  const uint64_t durable = decisions_.durable_sequence();
  const std::scoped_lock lock(recorded_mutex_);
  while (!recorded_.empty() && recorded_.front().sequence <= durable) {
    log_.release(recorded_.front().position, 1);
    recorded_.pop_front();
  }
}

}  // namespace backstitch::ingest
