// Walks runs in the order of their ids: one, or several as if they were one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "store/decisions/run.h"

namespace backstitch::store::decisions {

// One thread. Holds one decoded page.
class RunCursor {
 public:
  // At the first record with an id behind `after` (no id: the first record). What `damaged` returns for the error of a
  // page that cannot be read decides: go on behind the page, or end.
  using OnDamage = std::function<bool(const base::Error&)>;
  RunCursor(std::shared_ptr<const Run> run, const model::TraceId& after, OnDamage damaged);
  // Over records that are sorted already and in no run.
  explicit RunCursor(std::vector<DecisionRecord> sorted) : records_(std::move(sorted)) {}

  bool at_end() const { return at_ == records_.size(); }
  const DecisionRecord& record() const { return records_[at_]; }
  void advance();

 private:
  void load();

  std::shared_ptr<const Run> run_;
  OnDamage damaged_;
  size_t next_page_ = 0;
  std::vector<DecisionRecord> records_;
  size_t at_ = 0;
};

// The records of several cursors, those of one id together, earlier cursors first. Late spans are added to the decision
// before them, where it is among them.
class RecordMerger {
 public:
  // Borrowed; oldest first. Few: each record asks them all.
  explicit RecordMerger(std::vector<RunCursor>& cursors) : cursors_(cursors) {}

  // Nothing at the end.
  std::optional<DecisionRecord> next();

 private:
  RunCursor* first();

  std::vector<RunCursor>& cursors_;
};

}  // namespace backstitch::store::decisions
