// Writes a run: records in the order of their ids, page by page, so that a run of any size takes little memory.
//
//   RunWriter writer(*file);
//   for (const DecisionRecord& record : sorted) writer.add(record);
//   writer.finish({.first_sequence = 5, .last_sequence = 9, …});   // then the file is whole, and the caller syncs it
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "store/contract/decision_store.h"
#include "store/decisions/decisions_format.h"

namespace backstitch::store::decisions {

// What a run says of itself.
struct RunSummary {
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  base::Timestamp oldest;  // of the times of decisions and late spans, to the millisecond
  base::Timestamp youngest;
  uint64_t records = 0;

  bool operator==(const RunSummary&) const = default;
};

// One thread. `file` is empty, and outlives the writer. After an error the file is of no use.
class RunWriter {
 public:
  static constexpr uint32_t kPageRecords = 256;

  explicit RunWriter(base::File& file, uint32_t page_records = kPageRecords);

  // Ids never go back; those of one trace come oldest first (asserted). TooLarge beyond kRunPagesMax; NoSpace, Io.
  base::Result<> add(const DecisionRecord& record);
  // `summary.records` is counted here. At least one record was added (asserted).
  base::Result<> finish(RunSummary summary);

 private:
  base::Result<> end_page();
  base::Result<> write_buffered();

  base::File& file_;
  const uint32_t page_records_;
  std::vector<DecisionRecord> page_;
  std::string buffer_;
  uint64_t written_ = 0;
  std::vector<PageEntry> directory_;
  uint64_t records_ = 0;
};

}  // namespace backstitch::store::decisions
