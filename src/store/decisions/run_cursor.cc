#include "store/decisions/run_cursor.h"

namespace backstitch::store::decisions {

RunCursor::RunCursor(std::shared_ptr<const Run> run, const model::TraceId& after, OnDamage damaged)
    : run_(std::move(run)), damaged_(std::move(damaged)), next_page_(run_->first_page_of(after)) {
  load();
  while (after.is_valid() && !at_end() && record().decision.id <= after) advance();
}

void RunCursor::advance() {
  if (++at_ == records_.size()) load();
}

void RunCursor::load() {
  records_.clear();
  at_ = 0;
  while (run_ != nullptr && next_page_ < run_->page_count()) {
    auto records = run_->read_page(next_page_++);
    if (records) {
      records_ = std::move(*records);
      return;
    }
    if (!damaged_(records.error())) next_page_ = run_->page_count();
  }
}

RunCursor* RecordMerger::first() {
  RunCursor* best = nullptr;
  for (RunCursor& cursor : cursors_) {
    if (cursor.at_end()) continue;
    if (best == nullptr || cursor.record().decision.id < best->record().decision.id) best = &cursor;
  }
  return best;
}

std::optional<DecisionRecord> RecordMerger::next() {
  RunCursor* cursor = first();
  if (cursor == nullptr) return std::nullopt;
  DecisionRecord record = cursor->record();
  cursor->advance();
  while ((cursor = first()) != nullptr && cursor->record().is_late_spans &&
         cursor->record().decision.id == record.decision.id) {
    add_late_spans(cursor->record().decision.late_span_count, record.decision);
    cursor->advance();
  }
  return record;
}

}  // namespace backstitch::store::decisions
