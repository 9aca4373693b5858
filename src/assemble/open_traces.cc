#include "assemble/open_traces.h"

#include <algorithm>
#include <cassert>

namespace backstitch::assemble {

OpenTraces::OpenTraces(AssembleOptions options) : options_(options), newest_(0, HashSlot{this}, SameId{this}) {}

void OpenTraces::add(const ShardRecord& record, base::Duration now, base::Duration age) {
  // Far enough back that no age reaches before it.
  if (!epoch_) epoch_ = now - options_.trace_max_age - options_.decision_wait - kTick;
  // A record that waited longer than any window is due at once; how much longer makes no difference.
  const base::Duration age_max = std::min(options_.decision_wait, options_.trace_max_age);
  const Arrival arrival{record.at, now - std::clamp(age, base::Duration(0), age_max), age.count() > 0};
  assert(!options_.decides || record.features.size() == record.parts.size());
  for (size_t i = 0; i < record.parts.size(); ++i) {
    const uint32_t slot = add_part(record.parts[i], arrival);
    if (!options_.decides) continue;
    add_features(entries_[slot], record.features[i]);
    end_if_too_large(slot, arrival.received);
  }
}

void OpenTraces::end_if_too_large(uint32_t slot, base::Duration received) {
  Entry& entry = entries_[slot];
  if (options_.trace_bytes_max == 0 || features_[entry.features].bytes <= options_.trace_bytes_max) return;
  if (entry.is_dropped) return;  // it was judged already
  entry.cause = model::DecisionCause::EarlyAtSize;
  schedule(slot, tick_of(received));
}

void OpenTraces::add_features(Entry& entry, const sample::TraceFeatures& features) {
  if (entry.features == kNone) entry.features = features_.take();
  merge(features_[entry.features], features);
}

void OpenTraces::learn(const model::TraceId& id, const sample::TraceFeatures& features) {
  if (const auto newest = newest_.find(id); newest != newest_.end()) add_features(entries_[*newest], features);
}

// Whether the trace's newest fragment takes what comes. One in grace does so up to a fragment's size, and for half of
// its grace; what a replay shows once came in time.
bool OpenTraces::goes_on(const Entry& entry, const Arrival& arrival) const {
  if (entry.is_sealing) return false;
  if (!entry.is_dropped) return true;
  if (is_full(entry)) return false;
  return arrival.is_replay || arrival.received <= time_of(entry.grace_tick) + options_.grace_age / 2;
}

uint32_t OpenTraces::add_part(const TracePart& part, const Arrival& arrival) {
  const auto& [at, received, is_replay] = arrival;
  const auto found = newest_.find(part.digest.id);
  const bool is_known = found != newest_.end() && goes_on(entries_[*found], arrival);
  const uint32_t slot = is_known ? *found : open_entry(part.digest.id, received);
  Entry& entry = entries_[slot];
  const bool had_late = entry.has_late();

  entry.start = std::min(entry.start, part.digest.start);
  entry.end = std::max(entry.end, part.digest.end);
  entry.service_bits |= part.digest.service_bits;
  entry.last_sequence = at.sequence;
  entry.span_count += part.digest.span_count;
  entry.span_bytes += part.digest.span_bytes;
  (entry.is_dropped ? grace_bytes_ : span_count_) += entry.is_dropped ? part.digest.span_bytes : part.digest.span_count;
  if (entry.is_ready) {
    ready_spans_ += part.digest.span_count;
    ready_bytes_ += part.digest.span_bytes;
  }

  if (part.trace_index == SpanReference::kOfPeer) {
    entry.peer_span_count += part.digest.span_count;
  } else {
    entry.has_spans = true;
  }

  const uint32_t reference = references_.take();
  references_[reference] = {static_cast<uint32_t>(at.position.segment), at.position.offset, part.trace_index, kNone};
  if (entry.last_reference == kNone) {
    entry.first_reference = reference;
  } else {
    references_[entry.last_reference].next = reference;
  }
  entry.last_reference = reference;

  if (entry.is_dropped) {
    if (!had_late) schedule(slot, tick_of(received + options_.late_wait));
  } else if (is_full(entry)) {
    entry.cause = model::DecisionCause::EarlyAtSize;
    schedule(slot, tick_of(received));
  } else if (part.digest.has_root != 0 && options_.decision_wait_after_root_received.count() > 0) {
    schedule(slot, std::min(entry.due_tick, tick_of(received + options_.decision_wait_after_root_received)));
  }
  return slot;
}

uint32_t OpenTraces::open_entry(const model::TraceId& id, base::Duration received) {
  const uint32_t slot = entries_.take();
  slots_end_ = std::max(slots_end_, slot + 1);
  Entry& entry = entries_[slot];
  entry.id = id;
  entry.in_use = true;
  const auto before = newest_.find(id);
  if (before != newest_.end()) {
    entry.older = *before;
    newest_.erase(before);
  }
  newest_.insert(slot);
  ++waiting_count_;
  entry.opened_tick = tick_of(received);
  schedule(slot, tick_of(received + std::min(options_.decision_wait, options_.trace_max_age)));
  return slot;
}

void OpenTraces::schedule(uint32_t slot, uint32_t tick) {
  Entry& entry = entries_[slot];
  if (entry.due_tick == tick || entry.is_ready) return;
  entry.due_tick = tick;
  due_[tick].push_back(slot);
  ++due_slots_;
}

// Rounded up: nothing is sealed early.
uint32_t OpenTraces::tick_of(base::Duration at) const {
  const auto ticks = (at - *epoch_ + kTick - base::Duration(1)) / kTick;
  return static_cast<uint32_t>(std::max<int64_t>(ticks, 1));
}

std::vector<Fragment> OpenTraces::take_due(base::Duration now, SealBudget budget) {
  if (!epoch_) return {};
  const auto tick = static_cast<uint32_t>(std::max<int64_t>((now - *epoch_) / kTick, 0));
  while (!due_.empty() && due_.begin()->first <= tick) line_up_next();
  while (waiting_count_ > options_.open_traces_max) {
    line_up_next(model::DecisionCause::EarlyAtCap, waiting_count_ - options_.open_traces_max);
  }
  if (ready_.empty()) return {};
  const base::Duration waited = (tick - entries_[ready_.front()].due_tick) * kTick;
  if (ready_spans_ < budget.spans_min && ready_bytes_ < budget.bytes_max && waited < budget.wait_max) return {};
  return take_ready(budget);
}

std::vector<Fragment> OpenTraces::take_all(SealBudget budget) {
  while (!due_.empty()) line_up_next(model::DecisionCause::Drain);
  return take_ready(budget);
}

// What is due next, at most `limit` of those that wait. `early`: why it is taken before its time, where it is.
void OpenTraces::line_up_next(std::optional<model::DecisionCause> early, uint64_t limit) {
  auto& [tick, slots] = *due_.begin();
  size_t seen = 0;
  for (; seen < slots.size() && limit != 0; ++seen) {
    const uint32_t slot = slots[seen];
    Entry& entry = entries_[slot];
    // A slot that was rescheduled, sealed or reused since stands here no longer by right.
    if (!entry.in_use || entry.is_sealing || entry.is_ready || entry.due_tick != tick) continue;
    if (entry.is_dropped && !entry.has_late() && !entry.is_kept) continue;  // dropped while it waited
    entry.is_ready = true;
    if (!entry.is_dropped) {
      --waiting_count_;
      --limit;
    }
    if (early && entry.cause == model::DecisionCause::Window) entry.cause = *early;
    ready_spans_ += entry.span_count;
    ready_bytes_ += entry.span_bytes;
    ready_.push_back(slot);
  }
  due_slots_ -= seen;
  slots.erase(slots.begin(), slots.begin() + static_cast<ptrdiff_t>(seen));
  if (slots.empty()) due_.erase(due_.begin());
}

std::vector<Fragment> OpenTraces::take_ready(const SealBudget& budget) {
  std::vector<Fragment> taken;
  taken.reserve(std::min({uint64_t{ready_.size()}, budget.spans_max, budget.fragments_max}));
  const uint64_t spans_before = ready_spans_;
  const uint64_t bytes_before = ready_bytes_;
  while (!ready_.empty() && spans_before - ready_spans_ < budget.spans_max &&
         bytes_before - ready_bytes_ < budget.bytes_max && taken.size() < budget.fragments_max) {
    const uint32_t slot = ready_.front();
    ready_.pop_front();
    if (entries_[slot].in_use && entries_[slot].is_ready) take(slot, taken);
  }
  return taken;
}

// What of the trace is in grace comes along, the oldest first: it is judged as a whole, and reaches the store in order.
void OpenTraces::take(uint32_t slot, std::vector<Fragment>& taken) {
  const auto first = static_cast<ptrdiff_t>(taken.size());
  for (uint32_t at = slot; at != kNone; at = entries_[at].older) {
    Entry& entry = entries_[at];
    if (at != slot && (!entry.is_dropped || entry.is_sealing)) continue;
    if (entry.is_ready) {
      ready_spans_ -= entry.span_count;
      ready_bytes_ -= entry.span_bytes;
      entry.is_ready = false;
    }
    entry.is_sealing = true;
    ++taken_count_;
    taken.push_back(fragment(at));
  }
  std::reverse(taken.begin() + first, taken.end());
}

void OpenTraces::sealed(const std::vector<Fragment>& fragments) {
  for (const Fragment& one : fragments) {
    assert(entries_[one.slot].in_use && entries_[one.slot].is_sealing && entries_[one.slot].id == one.id);
    --taken_count_;
    free(one.slot);
  }
}

void OpenTraces::kept(const std::vector<Fragment>& fragments) {
  for (const Fragment& one : fragments) {
    Entry& entry = entries_[one.slot];
    assert(entry.in_use && entry.is_sealing && entry.id == one.id);
    entry.is_kept = true;
  }
}

void OpenTraces::free(uint32_t slot) {
  const Entry& entry = entries_[slot];
  if (entry.is_dropped) {
    --grace_count_;
    grace_bytes_ -= entry.span_bytes;
  } else {
    span_count_ -= entry.span_count;
  }
  for (uint32_t at = entry.first_reference; at != kNone;) {
    const uint32_t next = references_[at].next;
    references_.give_back(at);
    at = next;
  }
  if (entry.features != kNone) features_.give_back(entry.features);
  unlink(slot);
  entries_[slot].in_use = false;
  entries_.give_back(slot);
  if (entries_.used() == 0) {
    slots_end_ = 0;
    due_.clear();
    due_slots_ = 0;
    graced_.clear();
    newest_ = decltype(newest_)(0, HashSlot{this}, SameId{this});
  }
}

void OpenTraces::dropped(const std::vector<Fragment>& fragments, base::Duration now) {
  for (const Fragment& one : fragments) {
    Entry& entry = entries_[one.slot];
    assert(entry.in_use && entry.is_sealing && entry.id == one.id);
    entry.is_sealing = false;
    --taken_count_;
    entry.peer_span_count = one.peer_span_count;
    enter_grace(one.slot, tick_of(now));
  }
}

void OpenTraces::enter_grace(uint32_t slot, uint32_t tick) {
  Entry& entry = entries_[slot];
  const bool is_new = !entry.is_dropped;
  if (is_new) {
    entry.is_dropped = true;
    entry.grace_tick = tick;
    ++grace_count_;
    grace_bytes_ += entry.span_bytes;
    span_count_ -= entry.span_count;
  }
  entry.told_span_count = entry.span_count;
  if (!entry.is_kept) entry.cause = model::DecisionCause::Window;
  // One that was passed over while it was being decided again comes first: it has been there the longest.
  if (!entry.in_line && is_new) graced_.push_back({slot, entry.grace_tick});
  if (!entry.in_line && !is_new) graced_.push_front({slot, entry.grace_tick});
  entry.in_line = true;
  // Somebody asked for it while it was being dropped.
  if (entry.is_kept) {
    entry.due_tick = 0;
    schedule(slot, std::max(tick, 1U));
  }
}

std::vector<Fragment> OpenTraces::end_grace(base::Duration now, size_t limit) {
  if (!epoch_) return {};
  return leave_grace(limit, [&](const Entry& entry) {
    if (grace_bytes_ > options_.grace_bytes_max) return Leave::Goes;
    if (time_of(entry.grace_tick) + options_.grace_age > now) return Leave::Stays;
    return awaits_later_fragment(entry) ? Leave::Awaits : Leave::Goes;
  });
}

std::vector<Fragment> OpenTraces::cut_grace(size_t limit) {
  return leave_grace(limit, [](const Entry&) { return Leave::Goes; });
}

// A later fragment of its trace has spans from before its grace was over, and is not decided yet.
bool OpenTraces::awaits_later_fragment(const Entry& entry) const {
  const uint32_t end = entry.grace_tick + static_cast<uint32_t>(options_.grace_age / kTick);
  const auto newest = newest_.find(entry.id);
  for (uint32_t at = *newest; &entries_[at] != &entry; at = entries_[at].older) {
    const Entry& later = entries_[at];
    if (later.is_dropped ? later.has_late() : later.opened_tick <= end) return true;
  }
  return false;
}

std::vector<Fragment> OpenTraces::leave_grace(size_t limit, const std::function<Leave(const Entry&)>& asks) {
  std::vector<Fragment> gone;
  while (!graced_.empty() && gone.size() < limit) {
    const Graced oldest = graced_.front();
    Entry& entry = entries_[oldest.slot];
    const bool is_its_place = entry.in_use && entry.in_line && entry.grace_tick == oldest.tick;
    const Leave leave = is_its_place ? asks(entry) : Leave::Awaits;
    if (leave == Leave::Stays) break;
    graced_.pop_front();
    if (!is_its_place) continue;
    entry.in_line = false;
    // What came late is decided first, with what came before; what is dropped again stands in line anew.
    const bool is_undecided = entry.is_ready || entry.is_sealing || entry.is_kept || entry.has_late();
    if (is_undecided || leave == Leave::Awaits) continue;
    gone.push_back(fragment(oldest.slot));
    free(oldest.slot);
  }
  return gone;
}

void OpenTraces::keep_entry(uint32_t slot, model::DecisionCause cause, uint32_t tick) {
  Entry& entry = entries_[slot];
  if (entry.is_kept) return;
  entry.is_kept = true;
  entry.cause = cause;
  if (entry.is_dropped && !entry.is_ready && !entry.is_sealing) {
    entry.due_tick = 0;  // it stands nowhere
    schedule(slot, std::max(tick, 1U));
  }
}

bool OpenTraces::keep(const model::TraceId& id, model::DecisionCause cause, base::Duration now) {
  const auto newest = newest_.find(id);
  if (newest == newest_.end()) return false;
  for (uint32_t at = *newest; at != kNone; at = entries_[at].older) {
    keep_entry(at, cause, tick_of(now));
    entries_[at].is_recorded = true;
    entries_[at].told_span_count = entries_[at].span_count;
  }
  return true;
}

OthersTraces OpenTraces::tell_others(const std::function<bool(const model::TraceId&)>& is_others, base::Duration now,
                                     uint32_t from, uint32_t limit) {
  OthersTraces others;
  const base::Duration lately = now - std::max(kLatelyMin, 2 * options_.decision_wait);
  const uint32_t end = from < slots_end_ ? from + std::min(slots_end_ - from, limit) : slots_end_;
  for (uint32_t slot = from; slot < end; ++slot) {
    Entry& entry = entries_[slot];
    if (!entry.in_use || entry.is_kept || !entry.has_spans || entry.features == kNone) continue;
    if (entry.is_dropped && time_of(entry.grace_tick) < lately) continue;
    if (!is_others(entry.id)) continue;
    others.traces.emplace_back(entry.id, features_[entry.features]);
    entry.peer_span_count = entry.span_count;
  }
  if (end < slots_end_) others.next = end;
  return others;
}

std::optional<base::Duration> OpenTraces::grace_left(const model::TraceId& id, base::Duration now) const {
  const auto newest = newest_.find(id);
  for (uint32_t at = newest == newest_.end() ? kNone : *newest; at != kNone; at = entries_[at].older) {
    if (entries_[at].is_dropped) return time_of(entries_[at].grace_tick) + options_.grace_age - now;
  }
  return std::nullopt;
}

void OpenTraces::decided(const model::Decision& decision, base::Duration now, base::Duration age) {
  std::vector<uint32_t> slots;
  const auto newest = newest_.find(decision.id);
  for (uint32_t at = newest == newest_.end() ? kNone : *newest; at != kNone; at = entries_[at].older) {
    slots.push_back(at);
  }
  uint64_t left = uint64_t{decision.span_count} + decision.late_span_count;
  for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
    const bool is_taken_back = decision.verdict == model::Verdict::Kept && entries_[*slot].is_dropped;
    if (left == 0 && !is_taken_back) break;
    const auto told = static_cast<uint32_t>(std::min<uint64_t>(entries_[*slot].span_count, left));
    left -= told;
    follow(*slot, decision.verdict, told, now, age);
  }
}

void OpenTraces::follow(uint32_t slot, model::Verdict verdict, uint32_t spans, base::Duration now, base::Duration age) {
  Entry& entry = entries_[slot];
  if (verdict == model::Verdict::Kept) {
    entry.is_recorded = true;
    entry.told_span_count = spans;
    keep_entry(slot, model::DecisionCause::Window, tick_of(now));
    if (!entry.is_dropped) schedule(slot, tick_of(now));
    return;
  }
  if (!entry.is_dropped) {
    --waiting_count_;
    enter_grace(slot, tick_of(now - std::clamp(age, base::Duration(0), options_.grace_age)));
  }
  entry.told_span_count = spans;
  if (!entry.has_late()) return;
  entry.due_tick = 0;
  schedule(slot, tick_of(now + options_.late_wait));
}

// Takes the slot out of its trace's chain of fragments.
void OpenTraces::unlink(uint32_t slot) {
  const auto newest = newest_.find(entries_[slot].id);
  assert(newest != newest_.end());
  const uint32_t older = entries_[slot].older;
  if (*newest == slot) {
    newest_.erase(newest);
    if (older != kNone) newest_.insert(older);
    return;
  }
  uint32_t at = *newest;
  while (entries_[at].older != slot) at = entries_[at].older;
  entries_[at].older = older;
}

Fragment OpenTraces::fragment(uint32_t slot) const {
  const Entry& entry = entries_[slot];
  Fragment copy{.slot = slot,
                .id = entry.id,
                .start = entry.start,
                .end = entry.end,
                .span_count = entry.span_count,
                .span_bytes = entry.span_bytes,
                .covered_sequence = entry.last_sequence,
                .cause = entry.cause,
                .was_dropped = entry.is_dropped,
                .is_recorded = entry.is_recorded,
                .untold_span_count = entry.span_count - entry.told_span_count,
                .peer_span_count = entry.peer_span_count};
  if (options_.decides) {
    copy.opened = time_of(entry.opened_tick);
    if (entry.is_dropped) copy.verdict = model::Verdict::Dropped;
    if (entry.is_kept) copy.verdict = model::Verdict::Kept;
    if (entry.features != kNone) copy.features = features_[entry.features];
  }
  for (uint32_t at = entry.first_reference; at != kNone; at = references_[at].next) {
    const Reference& reference = references_[at];
    copy.references.push_back({{reference.segment, reference.offset}, reference.trace_index});
  }
  return copy;
}

std::vector<Fragment> OpenTraces::find(const model::TraceId& id) const {
  std::vector<Fragment> found;
  const auto newest = newest_.find(id);
  if (newest == newest_.end()) return found;
  for (uint32_t slot = *newest; slot != kNone; slot = entries_[slot].older) {
    if (entries_[slot].is_visible()) found.push_back(fragment(slot));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Fragment> OpenTraces::find_whole(const model::TraceId& id) const {
  std::vector<Fragment> found;
  const auto newest = newest_.find(id);
  for (uint32_t slot = newest == newest_.end() ? kNone : *newest; slot != kNone; slot = entries_[slot].older) {
    found.push_back(fragment(slot));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Listed> OpenTraces::list(const store::TimeRange& start, uint64_t service_bits, size_t limit) const {
  std::vector<Listed> listed;
  for (uint32_t slot = 0; slot < slots_end_; ++slot) {
    const Entry& entry = entries_[slot];
    if (!entry.in_use || !entry.is_visible() || !start.contains(entry.start) ||
        (entry.service_bits & service_bits) != service_bits)
      continue;
    listed.push_back({entry.start, entry.id});
  }
  const size_t count = std::min(limit, listed.size());
  std::partial_sort(listed.begin(), listed.begin() + static_cast<ptrdiff_t>(count), listed.end());
  listed.resize(count);
  return listed;
}

OpenCounts OpenTraces::counts() const {
  return {.traces = entries_.used() - grace_count_,
          .spans = span_count_,
          .taken = taken_count_ + ready_.size(),
          .grace_traces = grace_count_,
          .grace_bytes = grace_bytes_,
          .memory_bytes = entries_.memory_bytes() + references_.memory_bytes() + features_.memory_bytes() +
                          newest_.capacity() * (sizeof(uint32_t) + 1) +
                          (due_slots_ + ready_.size()) * sizeof(uint32_t) + graced_.size() * sizeof(Graced),
          .reusable_bytes = entries_.reusable_bytes() + references_.reusable_bytes() + features_.reusable_bytes()};
}

}  // namespace backstitch::assemble
