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
  const base::Duration received = now - std::clamp(age, base::Duration(0), age_max);
  for (const TracePart& part : record.parts) add_part(part, record.at, received);
}

void OpenTraces::add_part(const TracePart& part, const log::Appended& at, base::Duration received) {
  const uint32_t first_due = tick_of(received + std::min(options_.decision_wait, options_.trace_max_age));
  const auto found = newest_.find(part.digest.id);
  const bool is_known = found != newest_.end() && !entries_[*found].is_sealing;
  const uint32_t slot = is_known ? *found : open_entry(part.digest.id, first_due);
  Entry& entry = entries_[slot];

  entry.start = std::min(entry.start, part.digest.start);
  entry.end = std::max(entry.end, part.digest.end);
  entry.service_bits |= part.digest.service_bits;
  entry.last_sequence = at.sequence;
  entry.span_count += part.digest.span_count;
  entry.span_bytes += part.digest.span_bytes;
  span_count_ += part.digest.span_count;
  if (entry.is_ready) {
    ready_spans_ += part.digest.span_count;
    ready_bytes_ += part.digest.span_bytes;
  }

  const uint32_t reference = references_.take();
  references_[reference] = {static_cast<uint32_t>(at.position.segment), at.position.offset, part.trace_index, kNone};
  if (entry.last_reference == kNone) {
    entry.first_reference = reference;
  } else {
    references_[entry.last_reference].next = reference;
  }
  entry.last_reference = reference;

  if (entry.span_count >= options_.spans_per_trace || entry.span_bytes >= options_.fragment_bytes_max) {
    schedule(slot, tick_of(received));
  } else if (part.digest.has_root != 0 && options_.decision_wait_after_root_received.count() > 0) {
    schedule(slot, std::min(entry.due_tick, tick_of(received + options_.decision_wait_after_root_received)));
  }
}

uint32_t OpenTraces::open_entry(const model::TraceId& id, uint32_t first_tick) {
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
  schedule(slot, first_tick);
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
  line_up_until(tick);
  if (ready_.empty()) return {};
  const base::Duration waited = (tick - entries_[ready_.front()].due_tick) * kTick;
  if (ready_spans_ < budget.spans_min && ready_bytes_ < budget.bytes_max && waited < budget.wait_max) return {};
  return take_ready(budget);
}

std::vector<Fragment> OpenTraces::take_all(SealBudget budget) {
  line_up_until(UINT32_MAX);
  return take_ready(budget);
}

void OpenTraces::line_up_until(uint32_t tick) {
  while (!due_.empty() && due_.begin()->first <= tick) {
    for (const uint32_t slot : due_.begin()->second) {
      Entry& entry = entries_[slot];
      // A slot that was rescheduled, sealed or reused since stands here no longer by right.
      if (!entry.in_use || entry.is_sealing || entry.is_ready || entry.due_tick != due_.begin()->first) continue;
      entry.is_ready = true;
      ready_spans_ += entry.span_count;
      ready_bytes_ += entry.span_bytes;
      ready_.push_back(slot);
    }
    due_slots_ -= due_.begin()->second.size();
    due_.erase(due_.begin());
  }
}

std::vector<Fragment> OpenTraces::take_ready(const SealBudget& budget) {
  std::vector<Fragment> taken;
  uint64_t spans = 0;
  uint64_t bytes = 0;
  while (!ready_.empty() && spans < budget.spans_max && bytes < budget.bytes_max) {
    const uint32_t slot = ready_.front();
    ready_.pop_front();
    Entry& entry = entries_[slot];
    entry.is_ready = false;
    entry.is_sealing = true;
    spans += entry.span_count;
    bytes += entry.span_bytes;
    taken.push_back(fragment(slot));
  }
  ready_spans_ -= spans;
  ready_bytes_ -= bytes;
  return taken;
}

void OpenTraces::sealed(const std::vector<Fragment>& fragments) {
  for (const Fragment& one : fragments) {
    const Entry& entry = entries_[one.slot];
    assert(entry.in_use && entry.is_sealing && entry.id == one.id);
    span_count_ -= entry.span_count;
    for (uint32_t at = entry.first_reference; at != kNone;) {
      const uint32_t next = references_[at].next;
      references_.give_back(at);
      at = next;
    }
    unlink(one.slot);
    entries_[one.slot].in_use = false;
    entries_.give_back(one.slot);
    if (entries_.used() == 0) {
      slots_end_ = 0;
      due_.clear();
      due_slots_ = 0;
      newest_ = decltype(newest_)(0, HashSlot{this}, SameId{this});
    }
  }
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
                .covered_sequence = entry.last_sequence};
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
  for (uint32_t slot = *newest; slot != kNone; slot = entries_[slot].older) found.push_back(fragment(slot));
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Listed> OpenTraces::list(const store::TimeRange& start, uint64_t service_bits, size_t limit) const {
  std::vector<Listed> listed;
  for (uint32_t slot = 0; slot < slots_end_; ++slot) {
    const Entry& entry = entries_[slot];
    if (!entry.in_use || !start.contains(entry.start) || (entry.service_bits & service_bits) != service_bits) continue;
    listed.push_back({entry.start, entry.id});
  }
  const size_t count = std::min(limit, listed.size());
  std::partial_sort(listed.begin(), listed.begin() + static_cast<ptrdiff_t>(count), listed.end());
  listed.resize(count);
  return listed;
}

OpenCounts OpenTraces::counts() const {
  return {.traces = entries_.used(),
          .spans = span_count_,
          .memory_bytes = entries_.memory_bytes() + references_.memory_bytes() +
                          newest_.capacity() * (sizeof(uint32_t) + 1) + (due_slots_ + ready_.size()) * sizeof(uint32_t),
          .reusable_bytes = entries_.reusable_bytes() + references_.reusable_bytes()};
}

}  // namespace backstitch::assemble
