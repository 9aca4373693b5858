#include "store/decisions/memtable.h"

#include <algorithm>

namespace backstitch::store::decisions {

using model::TraceId;

void Memtable::saw(base::Timestamp at) {
  if (!at.is_set()) return;
  summary_.oldest = std::min(summary_.oldest, at);
  summary_.youngest = std::max(summary_.youngest, at);
}

void Memtable::push(const DecisionRecord& record) {
  const auto place = static_cast<uint32_t>(records_.size());
  const auto [at, is_new] = latest_.try_emplace(record.decision.id, place);
  records_.push_back({record, is_new ? kNone : at->second});
  at->second = place;
}

void Memtable::add(const model::DecisionBatch& batch, uint64_t sequence) {
  for (const model::Decision& decision : batch.decisions) {
    push({model::as_kept(decision)});
    saw(decision.decided);
  }
  for (const model::LateSpans& late : batch.late_spans) {
    saw(late.received);
    const auto at = latest_.find(late.id);
    if (at != latest_.end()) {
      add_late_spans(late.count, records_[at->second].record.decision);
    } else {
      push({{.id = late.id, .late_span_count = late.count}, true});
    }
  }
  summary_.last_sequence = sequence;
}

void Memtable::find(const TraceId& id, std::vector<DecisionRecord>& found) const {
  const auto latest = latest_.find(id);
  if (latest == latest_.end()) return;
  const auto start = static_cast<std::ptrdiff_t>(found.size());
  for (uint32_t at = latest->second; at != kNone; at = records_[at].before) found.push_back(records_[at].record);
  std::reverse(found.begin() + start, found.end());
}

std::vector<DecisionRecord> Memtable::sorted(const TraceId& after) const {
  std::vector<DecisionRecord> sorted;
  sorted.reserve(records_.size());
  for (const Node& node : records_) {
    if (!after.is_valid() || node.record.decision.id > after) sorted.push_back(node.record);
  }
  std::ranges::stable_sort(sorted, {}, [](const DecisionRecord& record) { return record.decision.id; });
  return sorted;
}

RunSummary Memtable::summary() const {
  RunSummary summary = summary_;
  summary.records = records_.size();
  summary.oldest = std::min(summary.oldest, summary.youngest);
  return summary;
}

}  // namespace backstitch::store::decisions
