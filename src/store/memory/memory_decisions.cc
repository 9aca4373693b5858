#include "store/memory/memory_decisions.h"

#include <algorithm>
#include <fmt/format.h>
#include <list>
#include <map>
#include <mutex>

namespace backstitch::store {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using model::TraceId;

struct Unit {
  std::vector<DecisionRecord> records;
  base::Timestamp youngest;
};

Unit unit_of(const model::DecisionBatch& batch) {
  Unit unit;
  for (const model::Decision& decision : batch.decisions) {
    unit.records.push_back({model::as_kept(decision)});
    unit.youngest = std::max(unit.youngest, unit.records.back().decision.decided);
  }
  for (const model::LateSpans& late : batch.late_spans) {
    unit.records.push_back({{.id = late.id, .late_span_count = late.count}, true});
    unit.youngest = std::max(unit.youngest, late.received);
  }
  return unit;
}

class MemoryDecisions final : public DecisionStore {
 public:
  Result<> append(const model::DecisionBatch& batch, uint64_t sequence) override {
    const std::scoped_lock lock(mutex_);
    Unit unit = unit_of(batch);
    if (sequence <= highest_sequence_ || unit.records.empty()) return {};
    highest_sequence_ = sequence;
    units_.push_back(std::move(unit));
    return {};
  }

  uint64_t highest_sequence() const override {
    const std::scoped_lock lock(mutex_);
    return highest_sequence_;
  }
  uint64_t durable_sequence() const override { return highest_sequence(); }

  Result<DecisionHistory> find(const TraceId& id) override {
    const std::scoped_lock lock(mutex_);
    std::vector<DecisionRecord> records;
    for (const Unit& unit : units_) {
      for (const DecisionRecord& record : unit.records) {
        if (record.decision.id == id) records.push_back(record);
      }
    }
    return to_history(std::move(records));
  }

  Result<DecisionList> list(const TraceId& after, uint32_t limit) override {
    const std::scoped_lock lock(mutex_);
    std::map<TraceId, std::vector<DecisionRecord>> traces;
    for (const Unit& unit : units_) {
      for (const DecisionRecord& record : unit.records) {
        if (!after.is_valid() || record.decision.id > after) traces[record.decision.id].push_back(record);
      }
    }
    DecisionList list{.is_last = true};
    for (auto& [id, records] : traces) {
      join_late_spans(records, false);
      if (records.empty()) continue;
      if (list.decisions.size() >= limit) {
        list.is_last = false;
        break;
      }
      for (const DecisionRecord& record : records) list.decisions.push_back(record.decision);
    }
    return list;
  }

  Result<uint32_t> add_policy_set(const model::PolicySet& set) override {
    if (auto checked = check_policy_set(set); !checked) return std::unexpected(checked.error());
    const std::scoped_lock lock(mutex_);
    for (const auto& [number, known] : policy_sets_) {
      if (known == set) return number;
    }
    const uint32_t number = policy_sets_.empty() ? 1 : policy_sets_.rbegin()->first + 1;
    policy_sets_[number] = set;
    if (policy_sets_.size() > kPolicySetsMax) policy_sets_.erase(policy_sets_.begin());
    return number;
  }

  Result<model::PolicySet> policy_set(uint32_t number) override {
    const std::scoped_lock lock(mutex_);
    const auto at = policy_sets_.find(number);
    if (at == policy_sets_.end()) return fail(Errc::NotFound, fmt::format("there is no policy set {}", number));
    return at->second;
  }

  Result<uint64_t> remove_decided_before(base::Timestamp decided) override {
    const std::scoped_lock lock(mutex_);
    uint64_t removed = 0;
    std::erase_if(units_, [&](const Unit& unit) {
      if (unit.youngest >= decided) return false;
      removed += unit.records.size();
      return true;
    });
    return removed;
  }

  Result<uint64_t> remove_oldest() override {
    const std::scoped_lock lock(mutex_);
    const auto oldest = std::ranges::min_element(units_, {}, &Unit::youngest);
    if (oldest == units_.end()) return 0;
    const uint64_t removed = oldest->records.size();
    units_.erase(oldest);
    return removed;
  }

  Result<bool> maintain(std::stop_token) override { return false; }
  Result<> flush() override { return {}; }

  DecisionStats stats() const override {
    const std::scoped_lock lock(mutex_);
    DecisionStats stats{.policy_sets = policy_sets_.size()};
    for (const Unit& unit : units_) stats.records += unit.records.size();
    return stats;
  }

 private:
  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::list<Unit> units_;
  uint64_t highest_sequence_ = 0;
  std::map<uint32_t, model::PolicySet> policy_sets_;
};

}  // namespace

std::unique_ptr<DecisionStore> make_memory_decisions() { return std::make_unique<MemoryDecisions>(); }

}  // namespace backstitch::store
