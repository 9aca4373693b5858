// One shard of the path: the traces that its thread owns, and the queue through which all others reach them. Private to
// ingest.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <thread>
#include <variant>

#include "assemble/open_traces.h"
#include "base/bounded_queue.h"
#include "ingest/pipeline.h"
#include "ingest/sealer.h"

namespace backstitch::ingest {

using assemble::OpenTraces;

// Runs on the shard's thread; `done` is set afterwards.
struct Look {
  const std::function<void(const OpenTraces&)>* look;
  std::promise<void>* done;
};
struct Act {
  const std::function<void(OpenTraces&)>* act;
  std::promise<void>* done;
};
using ShardMessage = std::variant<assemble::ShardRecord, Look, Act, Sealer::Ended>;

struct Shard {
  Shard(const PipelineOptions& options, size_t index_in)
      : index(index_in), open(options.assemble), queue(options.shard_queue_bytes_max) {}

  const size_t index;
  OpenTraces open;  // of `thread`, once that runs
  base::BoundedQueue<ShardMessage> queue;
  bool is_sealing = false;  // likewise
  // What others may know; written by `thread`.
  std::atomic<uint64_t> open_traces{0};
  std::atomic<uint64_t> open_spans{0};
  std::atomic<uint64_t> grace_traces{0};
  std::atomic<uint64_t> grace_bytes{0};
  std::atomic<uint64_t> memory_bytes{0};
  std::atomic<uint64_t> reusable_bytes{0};
  std::atomic<bool> is_empty{true};
  std::jthread thread;
};

}  // namespace backstitch::ingest
