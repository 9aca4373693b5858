#include "ingest/decider.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <string>
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

// Half of what DecisionRunOptions lets wait. With a job on top of it there is room left for orders to keep.
constexpr uint64_t kPendingMax = 1 << 17;
constexpr uint64_t kAskedBytes = 32 << 20;  // of spans that are read for policies at once

// A trace that goes on for longer after a restart is taken for a new one.
constexpr base::Duration kAsksAfterStart = std::chrono::minutes(10);

// A trace that was kept once is kept for good: a drop behind it was on its way already.
bool is_any_kept(const std::vector<model::Decision>& history) {
  return std::ranges::any_of(history, [](const model::Decision& one) { return one.verdict == Verdict::Kept; });
}

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
                                                     std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics,
                                                     const DeciderOptions& options) {
  const auto number = decisions.add_policy_set(names_of(*plan));
  if (!number) return std::unexpected(number.error());
  return std::unique_ptr<Decider>(new Decider(clock, log, decisions, std::move(plan), metrics, *number, options));
}

Decider::Decider(const base::Clock& clock, log::Log& log, store::DecisionStore& decisions,
                 std::shared_ptr<const sample::Plan> plan, base::Metrics& metrics, uint32_t policy_set,
                 const DeciderOptions& options)
    : clock_(clock),
      log_(log),
      decisions_(decisions),
      plan_(plan),
      sampler_(plan, 1),
      journal_(clock, options.budgets, metrics),
      policy_set_(policy_set),
      counters_(metrics, *plan),
      has_past_(decisions.highest_sequence() != 0),
      started_(clock.monotonic()) {
  if (options.peers != nullptr) news_.emplace(*options.peers, *plan_);
  journal_.restore(sampler_);
}

base::Result<Verdicts> Decider::vote(const std::vector<Fragment>& due) {
  const base::Timestamp now = clock_.now();
  if (!has_voted_on(due)) {
    learn_ordered();
    auto cases = begin_all(due);
    if (!cases) return std::unexpected(cases.error());
    voted_ = std::move(*cases);
    for (Case& one : voted_) {
      if (one.is_voting) one.ballot = sampler_.vote(one.fragment->id, one.features, now);
    }
  }
  if (const auto asked = ask_about_traces(voted_, now); !asked) return std::unexpected(asked.error());
  const std::vector<Case> cases = std::exchange(voted_, {});
  Verdicts verdicts;
  for (const Case& one : cases) conclude(one, cases[one.judged_by], now, verdicts);
  count(verdicts);
  return verdicts;
}

// The same fragments, borrowed once more.
bool Decider::has_voted_on(const std::vector<Fragment>& due) const {
  return voted_.size() == due.size() && !due.empty() && voted_.front().fragment == due.data();
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
    judge.untold += one.untold;
    one.is_voting = false;
    judge.has_history = judge.has_history || one.has_history;
    if (one.fragment->was_dropped) judge.is_regretted = false;
    if (one.is_kept) judge.is_kept = true;
    if (one.is_overtaken) judge.is_overtaken = true;
    if (judge.is_kept) judge.is_voting = false;
    if (!judge.is_kept && one.has_history) judge.cause = DecisionCause::Reopened;
  }
  return cases;
}

// What is known of the trace before anybody votes.
base::Result<Decider::Case> Decider::begin(const Fragment& fragment) {
  Case one{.fragment = &fragment, .cause = fragment.cause, .untold = fragment.untold_span_count};
  one.is_kept = fragment.verdict == Verdict::Kept;
  if (one.is_kept && fragment.is_recorded && fragment.was_dropped) {
    // It was ordered while the sealer had it: the drop was recorded last.
    const auto history = history_of(fragment.id);
    if (!history) return std::unexpected(history.error());
    one.is_overtaken = !history->empty() && history->back().verdict == Verdict::Dropped;
  }
  if (one.is_kept) return one;
  one.is_voting = true;
  if (fragment.verdict == Verdict::Dropped) {
    one.has_history = true;
    one.cause = DecisionCause::Reopened;
    return one;
  }
  if (!may_have_history(fragment.id)) return one;
  const auto history = history_of(fragment.id);
  if (!history) return std::unexpected(history.error());
  if (history->empty()) return one;
  one.has_history = true;
  one.is_kept = is_any_kept(*history);
  one.before = one.is_kept ? *std::ranges::find(*history, Verdict::Kept, &model::Decision::verdict) : history->back();
  if (is_counted(fragment)) one.untold = 0;
  one.is_voting = !one.is_kept;
  one.is_regretted = one.is_voting;
  if (one.is_regretted) one.cause = DecisionCause::Reopened;
  return one;
}

bool Decider::may_have_history(const model::TraceId& id) const {
  if (has_past_ && clock_.monotonic() - started_ < kAsksAfterStart) return true;
  return recent_.may_contain(id) || recently_kept_.may_contain(id);
}

base::Result<std::vector<model::Decision>> Decider::history_of(const model::TraceId& id) {
  auto history = decisions_.find(id);
  // What is not seen now may say that the trace is kept.
  if (history && history->may_read_later) {
    return base::fail(base::Errc::Io, "some of what was decided about trace " + id.to_hex() + " cannot be read now");
  }
  if (history) return std::move(history->decisions);
  // What is damaged stays so; the store counts it.
  if (history.error().code == base::Errc::Corrupt) return std::vector<model::Decision>();
  return std::unexpected(history.error());
}

base::Result<bool> Decider::is_kept(const model::TraceId& id) {
  const auto history = history_of(id);
  if (!history) return std::unexpected(history.error());
  return is_any_kept(*history);
}

// Few policies look at a whole trace, and only where the verdict hangs on it: these are read back together, as many as
// memory has room for, each with all of its fragments that the log still has.
base::Result<> Decider::ask_about_traces(std::vector<Case>& cases, base::Timestamp now) {
  std::map<size_t, std::vector<const Fragment*>> asked;  // by the place of the one that votes
  for (const Case& one : cases) {
    const Case& judge = cases[one.judged_by];
    if (judge.is_voting && judge.ballot.need() != TraceNeed::None) asked[one.judged_by].push_back(one.fragment);
  }
  for (auto at = asked.begin(); at != asked.end();) {
    std::vector<Fragment> part;
    uint64_t bytes = 0;
    auto end = at;
    for (; end != asked.end() && bytes < kAskedBytes; ++end) {
      for (const Fragment* fragment : end->second) bytes += part.emplace_back(*fragment).span_bytes;
    }
    const auto read = assemble::read_fragments(log_, part);
    if (!read) return std::unexpected(read.error());
    auto next = read->otlp.begin();
    for (; at != end; ++at) {
      std::string otlp;  // messages one behind the other are one message with the spans of both
      for (size_t i = 0; i < at->second.size(); ++i) otlp += *next++;
      finish(cases[at->first], otlp, now);
    }
  }
  return {};
}

void Decider::finish(Case& one, const std::string& otlp, base::Timestamp now) {
  const auto trace = wire::otlp::decode_trace(one.fragment->id, otlp);
  const auto calls = trace ? sample::calls_of(*trace) : std::vector<sample::CallSpan>();
  // Where it cannot be read the policies that look at it fail, which is counted.
  const sample::WholeTrace whole{.calls = calls, .trace = trace ? &*trace : nullptr};
  sampler_.finish(one.ballot, one.fragment->id, one.features, whole, now);
}

void Decider::conclude(const Case& one, const Case& judge, base::Timestamp now, Verdicts& verdicts) {
  const Fragment& fragment = *one.fragment;
  const bool is_kept = judge.is_kept || (judge.is_voting && judge.ballot.verdict() == Verdict::Kept);
  (is_kept ? verdicts.kept : verdicts.dropped).push_back(fragment);
  if (&one != &judge) return;
  counters_.failed.add(one.ballot.failed());
  const bool is_as_before = one.has_history && is_kept == one.is_kept;
  // What a fragment holds is worth a decision of its own; less follows the one before.
  const bool follows = is_as_before && !one.is_overtaken && fragment.cause != DecisionCause::EarlyAtSize;
  if (follows) return tell_late(one, now, verdicts);
  if (one.is_kept && fragment.is_recorded && !one.is_overtaken) {
    recently_kept_.add(fragment.id);
    tell_late(one, now, verdicts);
    return;
  }
  if (one.is_regretted) counters_.regretted.add();
  verdicts.batch.decisions.push_back(decision_of(one, now));
  if (is_as_before) verdicts.batch.decisions.back().span_count = one.untold;  // the rest was counted
}

// Somebody kept the trace when the fragment was on its way here.
bool Decider::is_counted(const Fragment& fragment) {
  const std::scoped_lock lock(recorded_mutex_);
  const auto unsealed = unsealed_.find(fragment.id);
  return unsealed != unsealed_.end() && fragment.opened <= unsealed->second.counted;
}

void Decider::tell_late(const Case& one, base::Timestamp now, Verdicts& verdicts) {
  if (one.untold == 0) return;
  verdicts.batch.late_spans.push_back({.id = one.fragment->id, .count = one.untold, .received = now});
}

model::Decision Decider::decision_of(const Case& one, base::Timestamp now) const {
  const Fragment& fragment = *one.fragment;
  model::Decision decision = one.ballot.decision(fragment.id, one.features);
  decision.policy_set = policy_set_;
  if (one.is_kept && one.has_history) {
    decision.policy = one.before.policy;
    decision.voted = one.before.voted;
    decision.weight = one.before.weight;
    decision.policy_set = one.before.policy_set;
  }
  if (one.is_kept) decision.verdict = Verdict::Kept;
  decision.cause = decision.verdict == Verdict::Kept ? one.cause : fragment.cause;
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

base::Result<> Decider::record(Verdicts& verdicts) {
  journal_.write_if_due(sampler_);
  if (news_) {
    if (const auto told = news_->tell(verdicts); !told) return told;
  }
  const std::scoped_lock keeping(keeping_);
  heed_keeps(verdicts);
  const auto note_kept = [&](uint64_t sequence) {
    for (const Fragment& fragment : verdicts.kept) ++unsealed(fragment.id, sequence).fragments;
  };
  if (verdicts.batch == model::DecisionBatch()) {
    const std::scoped_lock lock(recorded_mutex_);
    note_kept(UINT64_MAX);
    return {};
  }
  if (const auto appended = append(verdicts.batch, note_kept); !appended) return appended;
  remember(verdicts.batch);
  return {};
}

// Somebody kept traces between the vote and now: what keeps them is recorded, and counts these fragments.
void Decider::heed_keeps(Verdicts& verdicts) {
  {
    const std::scoped_lock lock(recorded_mutex_);
    if (!has_keeps_) return;
  }
  absl::flat_hash_set<model::TraceId> kept;
  for (const auto* fragments : {&verdicts.kept, &verdicts.dropped}) {
    for (const Fragment& fragment : *fragments) {
      if (fragment.verdict != Verdict::Kept && is_counted(fragment)) kept.insert(fragment.id);
    }
  }
  const auto is_kept = [&](const auto& one) { return kept.contains(one.id); };
  std::erase_if(verdicts.batch.decisions, is_kept);
  std::erase_if(verdicts.batch.late_spans, is_kept);
  std::ranges::copy_if(verdicts.dropped, std::back_inserter(verdicts.kept), is_kept);
  std::erase_if(verdicts.dropped, is_kept);
}

void Decider::remember(const model::DecisionBatch& batch) {
  for (const model::Decision& decision : batch.decisions) {
    (decision.verdict == Verdict::Kept ? recently_kept_ : recent_).add(decision.id);
  }
}

model::Decision Decider::decision_of(const KeepOrder& order, base::Timestamp now) const {
  model::Decision decision{.id = order.by.id,
                           .verdict = Verdict::Kept,
                           .cause = order.by.cause,
                           .policy = order.by.policy,
                           .voted = order.by.voted,
                           .policy_set = policy_set_,
                           .opened = now,
                           .decided = now,
                           .weight = order.by.weight};
  sample::TraceFeatures features;
  for (const Fragment& fragment : order.fragments) {
    decision.opened = std::min(decision.opened, base::offset(now, fragment.opened - clock_.monotonic()));
    merge(features, fragment.features);
  }
  decision.duration = features.duration();
  decision.span_count = features.span_count;
  decision.error_count = features.error_count;
  return decision;
}

base::Result<> Decider::record_keeps(std::vector<KeepOrder>& orders) {
  const std::scoped_lock keeping(keeping_);
  std::vector<KeepOrder> fresh;
  for (KeepOrder& order : orders) {
    const auto known = is_kept(order.by.id);
    if (!known) return std::unexpected(known.error());
    if (!*known) fresh.push_back(std::move(order));
  }
  orders = std::move(fresh);
  if (orders.empty()) return {};
  const base::Timestamp now = clock_.now();
  model::DecisionBatch batch;
  for (const KeepOrder& order : orders) batch.decisions.push_back(decision_of(order, now));
  const auto note_kept = [&](uint64_t sequence) {
    for (const KeepOrder& order : orders) {
      if (order.fragments.empty()) continue;
      has_keeps_ = true;
      Unsealed& kept = unsealed(order.by.id, sequence);
      for (const Fragment& fragment : order.fragments) kept.counted = std::max(kept.counted, fragment.opened);
    }
  };
  if (const auto appended = append(batch, note_kept); !appended) return appended;
  const std::scoped_lock lock(ordered_mutex_);
  for (const KeepOrder& order : orders) ordered_.push_back(order.by.id);
  return {};
}

// Before spans are judged that came after the order was answered.
void Decider::learn_ordered() {
  const std::scoped_lock lock(ordered_mutex_);
  for (const model::TraceId& id : ordered_) recently_kept_.add(id);
  ordered_.clear();
}

// Into the log, and from there into the decision store. `note_kept` runs under recorded_mutex_, before anybody may give
// the record back.
base::Result<> Decider::append(const model::DecisionBatch& batch, const std::function<void(uint64_t)>& note_kept) {
  if (const auto room = make_room(batch.decisions.size() + batch.late_spans.size()); !room) return room;
  base::Result<> taken;
  const auto take = [&](const log::Appended& at) { taken = decisions_.append(batch, at.sequence); };
  const log::RecordInfo info{.kind = log::RecordKind::Decision, .received = clock_.now()};
  const auto appended = log_.append(info, {}, model::encode_decisions(batch), {.references = 1}, take);
  if (!appended) return std::unexpected(appended.error());
  const std::scoped_lock lock(recorded_mutex_);
  recorded_.push_back({appended->position, appended->sequence});
  if (taken) note_kept(appended->sequence);
  return taken;
}

Decider::Unsealed& Decider::unsealed(const model::TraceId& id, uint64_t sequence) {
  Unsealed& one = unsealed_[id];
  one.sequence = std::min(one.sequence, sequence);
  return one;
}

void Decider::sealed(const std::vector<Fragment>& fragments) {
  const std::scoped_lock lock(recorded_mutex_);
  for (const Fragment& fragment : fragments) {
    const auto unsealed = unsealed_.find(fragment.id);
    if (unsealed == unsealed_.end()) continue;
    if (unsealed->second.fragments > 1) {
      --unsealed->second.fragments;
    } else {
      unsealed_.erase(unsealed);
    }
  }
  if (unsealed_.empty()) has_keeps_ = false;
}

std::optional<model::Decision> Decider::decided_before(const model::TraceId& id, const SpansInLog& spans) {
  const auto history = decisions_.find(id);
  if (!history || history->decisions.empty()) return std::nullopt;
  const model::Decision& last = history->decisions.back();
  // Where there are more than were decided, what was decided is among them: the rest is late. Where there are not, some
  // may have left the log, and what came later is judged anew. Decisions are kept to the millisecond.
  const bool has_more = spans.count > uint64_t{last.span_count} + last.late_span_count;
  const base::Timestamp received = has_more ? spans.first_received : spans.last_received;
  if (base::offset(last.decided, std::chrono::milliseconds(1)) < received) return std::nullopt;
  return last;
}

uint32_t Decider::replayed(const log::Appended& at, const model::DecisionBatch& batch,
                           const std::vector<model::TraceId>& kept) {
  remember(batch);
  const bool is_new = at.sequence > decisions_.durable_sequence();
  if (is_new && !decisions_.append(batch, at.sequence) && !(flush() && decisions_.append(batch, at.sequence))) return 0;
  if (!is_new && kept.empty()) return 0;
  const std::scoped_lock lock(recorded_mutex_);
  for (const model::TraceId& id : kept) unsealed(id, at.sequence);
  recorded_.push_back({at.position, at.sequence});
  return 1;
}

// The decision store takes what the log has taken.
base::Result<> Decider::make_room(uint64_t count) {
  while (decisions_.stats().pending >= kPendingMax) {
    if (const auto more = maintain({}); !more) return std::unexpected(more.error());
  }
  return decisions_.stats().pending + count > kPendingMax + kDecidedAtOnce ? flush() : base::Result<>();
}

base::Result<> Decider::flush() {
  const std::scoped_lock lock(maintaining_);
  auto flushed = decisions_.flush();
  release_durable();
  return flushed;
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
  uint64_t end = decisions_.durable_sequence() + 1;
  const std::scoped_lock lock(recorded_mutex_);
  for (const auto& [id, one] : unsealed_) end = std::min(end, one.sequence);
  while (!recorded_.empty() && recorded_.front().sequence < end) {
    log_.release(recorded_.front().position, 1);
    recorded_.pop_front();
  }
}

}  // namespace backstitch::ingest
