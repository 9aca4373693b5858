#include "store/contract/decision_store.h"

#include <algorithm>
#include <fmt/format.h>

namespace backstitch::store {

void add_late_spans(uint32_t late, model::Decision& decision) {
  const uint64_t sum = uint64_t{decision.late_span_count} + late;
  decision.late_span_count = static_cast<uint32_t>(std::min<uint64_t>(sum, UINT32_MAX));
}

void join_late_spans(std::vector<DecisionRecord>& records, bool keeps_first) {
  size_t kept = 0;
  for (const DecisionRecord& record : records) {
    if (record.is_late_spans && kept > 0) {
      add_late_spans(record.decision.late_span_count, records[kept - 1].decision);
    } else if (!record.is_late_spans || keeps_first) {
      records[kept++] = record;
    }
  }
  records.resize(kept);
}

DecisionHistory to_history(std::vector<DecisionRecord> records) {
  join_late_spans(records, false);
  DecisionHistory history;
  const size_t count = std::min(records.size(), DecisionHistory::kDecisionsMax);
  history.is_partial = count < records.size();
  history.decisions.reserve(count);
  for (size_t i = records.size() - count; i < records.size(); ++i) history.decisions.push_back(records[i].decision);
  return history;
}

base::Result<> check_policy_set(const model::PolicySet& set) {
  if (set.names.size() > model::Decision::kPoliciesMax) {
    return base::fail(base::Errc::InvalidArgument, fmt::format("a policy set of {} policies; the limit is {}",
                                                               set.names.size(), model::Decision::kPoliciesMax));
  }
  size_t bytes = set.text.size();
  for (const std::string& name : set.names) bytes += name.size();
  if (bytes > DecisionStore::kPolicySetBytesMax) {
    return base::fail(base::Errc::InvalidArgument, fmt::format("a policy set of {} bytes; the limit is {}", bytes,
                                                               DecisionStore::kPolicySetBytesMax));
  }
  return {};
}

}  // namespace backstitch::store
