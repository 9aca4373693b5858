// Reads fragments' spans back from the log, in log order: every record once, however many traces meet in it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assemble/open_traces.h"
#include "base/counters.h"
#include "log/log.h"

namespace backstitch::assemble {

struct ReadParts {
  uint64_t bytes_read = 0;       // of log payload
  uint64_t lost_references = 0;  // records that were recycled meanwhile, or are corrupt
};

// Called for each part of a fragment as its record is read: `fragment` is its place among those that were asked for (of
// a second list, its place behind the first), the payload is what the digest is of. Both are valid for the call only.
using OnPart = std::function<void(size_t fragment, const model::RequestDigest& digest, const model::TraceDigest& trace,
                                  std::string_view payload)>;

// Shows the parts of all fragments, in log order. A record that is gone was sealed by others in the meantime (its spans
// are in the store); a corrupt one is counted by the log. Both are left out and counted. Any other failure to read is
// an error: try again later. Thread-safe.
base::Result<ReadParts> read_parts(log::Log& log, std::span<const Fragment> fragments, std::span<const Fragment> others,
                                   const OnPart& on_part);

struct ReadFragments : ReadParts {
  // Beside the fragments that were asked for: the OTLP bytes of each; empty where none of its spans could be read.
  std::vector<std::string> otlp;
};

// The spans of `fragments` themselves, as read_parts() reads them; `on_part`, where given, is shown the parts too, and
// those of `others`.
base::Result<ReadFragments> read_fragments(log::Log& log, std::span<const Fragment> fragments,
                                           const OnPart& on_part = {}, std::span<const Fragment> others = {});

}  // namespace backstitch::assemble
