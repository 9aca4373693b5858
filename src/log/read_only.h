// Reads what is in a log's directory and changes nothing there: for whoever looks at recorded traffic after the fact.
// Safe beside a process that has the log open; what that one recycles meanwhile is left out.
//
//   read_records(files, "data/log", {}, [&](const Record& record) { … });
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "log/log.h"

namespace backstitch::log {

struct ReadOptions {
  uint64_t bytes_max = UINT64_MAX;  // of segment files: the newest that fit are read, at least one
};

struct ReadSummary {
  uint64_t records = 0;
  uint64_t corrupt_records = 0;   // passed over
  uint64_t segments_skipped = 0;  // older than what fits bytes_max
};

// Shows every whole record, payload included, in the order of the log. NotFound where there is no such directory,
// Unsupported as Log::check_format, Io.
base::Result<ReadSummary> read_records(base::FileSystem& files, const std::string& directory,
                                       const ReadOptions& options, const std::function<void(const Record&)>& on_record);

}  // namespace backstitch::log
