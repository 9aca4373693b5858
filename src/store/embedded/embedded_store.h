// Sealed traces on the local disk, version 1: a RocksDB database with one zstd frame of OTLP for each fragment and a
// summary row beside it, by which a search passes over the fragments that cannot match. No secondary index: a search
// reads summaries newest first. docs/formats/embedded.md has keys and rows.
//
//   auto store = open_embedded_store({.directory = "data/store"}, metrics);
//   (*store)->append(batch);
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/counters.h"
#include "base/result.h"
#include "store/contract/trace_store.h"

namespace backstitch::store {

struct EmbeddedOptions {
  std::string directory;  // made where it is missing, with its parents
  uint64_t block_cache_bytes = 32 << 20;
  uint64_t write_buffer_bytes = 24 << 20;  // of all column families together
  // Of fragments, compressed, that one search may load; beyond that its answer is partial.
  uint64_t scan_bytes_max = 1 << 30;
};

// Whether this build can open what is in `directory`: Unsupported where a newer version wrote it, fine where there is
// no store. Changes no file. AlreadyExists where another process uses the store. Io, Corrupt.
base::Result<> check_embedded_format(const std::string& directory);

// One process at a time: AlreadyExists where another one uses the directory. Unsupported where a newer version
// wrote it; nothing is changed then. Io, NoSpace, Corrupt. `metrics` outlives the store.
base::Result<std::unique_ptr<TraceStore>> open_embedded_store(const EmbeddedOptions& options, base::Metrics& metrics);

}  // namespace backstitch::store
