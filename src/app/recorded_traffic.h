// Recorded traffic for a dry run of policies: from OTLP files, or what a server has stored, with what was decided.
#pragma once

#include <string>
#include <vector>

#include "api/native/client.h"
#include "base/file_system.h"
#include "base/result.h"
#include "sample/replay.h"

namespace backstitch::app {

struct RecordedTraffic {
  std::vector<sample::RecordedTrace> traces;
  uint64_t open = 0;        // traces that were left out: nothing is decided about them yet
  uint64_t incomplete = 0;  // that were left out: some of their spans are gone from the log
  uint64_t unread = 0;      // parts of the log that could not be read, or would have been too much
};

// The traces of a file's content (otlp_file.h), in the order of their first spans; of spans that came twice the first.
// Malformed says where.
base::Result<std::vector<sample::RecordedTrace>> traffic_of_file(std::string_view content);

// The newest traces that `request` finds, at most `traces_max`, each with its last decision and weight. Errors of the
// server; a trace that goes meanwhile is left out.
base::Result<RecordedTraffic> traffic_of_server(api::NativeClient& client, api::SearchRequest request,
                                                uint32_t traces_max);

// All traces in the log of a data directory, dropped ones in grace included, as they were decided: what came in the
// last minutes, whole. Nothing is changed; a server may have the directory open. With `takes_undecided` those too about
// which nothing was decided. At most `bytes_max` of log, the newest. NotFound where there is none.
struct DirectoryTraffic {
  std::string data;  // the data directory
  bool takes_undecided = false;
  uint64_t bytes_max = 1ULL << 30;
};
base::Result<RecordedTraffic> traffic_of_directory(base::FileSystem& files, const DirectoryTraffic& wanted);

}  // namespace backstitch::app
