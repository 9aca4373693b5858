// Decisions that are in no run yet, in memory: the log has them too, and gives them back after a crash.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <vector>

#include "store/contract/decision_store.h"
#include "store/decisions/run_writer.h"

namespace backstitch::store::decisions {

// One thread at a time.
class Memtable {
 public:
  explicit Memtable(uint64_t first_sequence) : summary_{.first_sequence = first_sequence, .oldest = {UINT64_MAX}} {}

  void add(const model::DecisionBatch& batch, uint64_t sequence);

  size_t size() const { return records_.size(); }
  // Appends the records of `id`, oldest first.
  void find(const model::TraceId& id, std::vector<DecisionRecord>& found) const;
  // Those with ids behind `after` (no id: all), by id, those of one trace oldest first.
  std::vector<DecisionRecord> sorted(const model::TraceId& after) const;
  // What a run of it says of itself.
  RunSummary summary() const;
  uint64_t last_sequence() const { return summary_.last_sequence; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Node {
    DecisionRecord record;
    uint32_t before;  // of the same id
  };

  void push(const DecisionRecord& record);
  void saw(base::Timestamp at);

  std::vector<Node> records_;
  absl::flat_hash_map<model::TraceId, uint32_t> latest_;
  RunSummary summary_;
};

}  // namespace backstitch::store::decisions
