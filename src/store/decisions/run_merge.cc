#include "store/decisions/run_merge.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "store/decisions/run_cursor.h"

namespace backstitch::store::decisions {

using base::Errc;
using base::Result;

namespace {

constexpr uint64_t kRecordsBetweenChecks = 4096;

RunSummary summary_of(const Runs& inputs) {
  RunSummary summary{.first_sequence = inputs.front()->summary().first_sequence,
                     .last_sequence = inputs.back()->summary().last_sequence,
                     .oldest = {UINT64_MAX}};
  for (const auto& run : inputs) {
    summary.oldest = std::min(summary.oldest, run->summary().oldest);
    summary.youngest = std::max(summary.youngest, run->summary().youngest);
  }
  return summary;
}

}  // namespace

Result<> merge_runs(const Runs& inputs, uint32_t page_records, const std::stop_token& stop, base::File& file,
                    std::shared_ptr<const Run>& unreadable) {
  std::optional<base::Error> error;
  std::vector<RunCursor> cursors;
  for (const auto& run : inputs) {
    cursors.emplace_back(run, model::TraceId(), [&, run](const base::Error& damage) {
      error = damage;
      unreadable = run;
      return false;
    });
  }
  RecordMerger merger(cursors);
  RunWriter writer(file, page_records);
  for (uint64_t count = 0; !error; ++count) {
    if (count % kRecordsBetweenChecks == 0 && stop.stop_requested()) return base::fail(Errc::Cancelled, "told to stop");
    const auto record = merger.next();
    if (error) break;
    if (!record) return writer.finish(summary_of(inputs));
    if (auto added = writer.add(*record); !added) return added;
  }
  return std::unexpected(*error);
}

}  // namespace backstitch::store::decisions
