// Several runs become one.
#pragma once

#include <memory>
#include <stop_token>

#include "base/file_system.h"
#include "store/decisions/run_catalog.h"

namespace backstitch::store::decisions {

// Writes to the empty `file` what `inputs` (at least one, neighbours, in the log's order) hold, late spans added to
// their decision. Memory: a page of each and a megabyte. Cancelled soon after `stop` is requested; Io and Corrupt, with
// the run that could not be read in `unreadable`; NoSpace.
base::Result<> merge_runs(const Runs& inputs, uint32_t page_records, const std::stop_token& stop, base::File& file,
                          std::shared_ptr<const Run>& unreadable);

}  // namespace backstitch::store::decisions
