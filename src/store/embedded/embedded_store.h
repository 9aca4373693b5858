// Sealed traces on the local disk, version 2: a directory of immutable columnar blocks (store/block) and no database
// beside them. What there is stands in the blocks' own indexes, which are held in memory. docs/formats/embedded.md has
// the files, docs/adr/0007-no-catalog-database.md the why.
//
//   auto store = open_embedded_store({.directory = "data/store"}, {files, clock, workers, metrics});
//   (*store)->append(batch);                       // one block
//   while ((*store)->maintain(stop).value_or(false)) {}  // small blocks become larger ones
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "base/workers.h"
#include "store/block/block.h"
#include "store/contract/store_stats.h"
#include "store/contract/trace_store.h"
#include "store/embedded/merge_policy.h"

namespace backstitch::store {

struct EmbeddedOptions {
  std::string directory;  // made where it is missing, with its parents
  MergeOptions merge;
  uint64_t value_rows_max = 1 << 20;        // that one question for an attribute's values looks at, the newest first
  size_t group_cache_bytes_max = 32 << 20;  // of what was decoded of row groups for traces by id
};

// All outlive the store.
struct EmbeddedEnvironment {
  base::FileSystem& files;
  const base::Clock& clock;
  base::Workers& workers;  // that searches share
  base::Metrics& metrics;
};

class EmbeddedStore : public TraceStore {
 public:
  // Latest start first. They stay readable while they are held, also when the store has let them go.
  virtual std::vector<std::shared_ptr<const block::Block>> blocks() const = 0;
};

// Whether this build can open what is in `directory`: Unsupported where another version wrote it, fine where there is
// no store. Changes no file. Io, Corrupt.
base::Result<> check_embedded_format(base::FileSystem& files, const std::string& directory);

// One process at a time: AlreadyExists where another one uses the directory. Unsupported where another version wrote
// it; nothing is changed then. A block that is damaged is set aside and counted, and the others answer. Io, NoSpace,
// Corrupt.
base::Result<std::unique_ptr<EmbeddedStore>> open_embedded_store(const EmbeddedOptions& options,
                                                                 const EmbeddedEnvironment& environment);

// What the store in `directory` holds, also while another process uses it; changes nothing. Blocks that are damaged or
// go meanwhile are left out. Errors as check_embedded_format.
base::Result<StoreStats> read_embedded_stats(base::FileSystem& files, const std::string& directory);

}  // namespace backstitch::store
