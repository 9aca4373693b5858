// Keeps sealed traces. Every implementation passes store/conformance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "store/contract/trace_reader.h"

namespace backstitch::store {

// One sealed fragment of a trace on its way into a store: the spans of `id` from the log records with sequence
// (covered by the fragment before, covered_sequence].
struct SealedTrace {
  model::TraceId id;
  uint64_t covered_sequence = 0;
  std::string otlp;  // TracesData; only spans of `id`, at least one
};

// Thread-safe; reads run beside appends and see a batch wholly or not at all.
class TraceStore : public TraceReader {
 public:
  // Commits all of `batch`, with what each trace is covered up to, in one durable step: when this returns it
  // survives a crash, and when it fails none of it is visible. The same (id, covered_sequence) again replaces
  // what is there; inside a batch the last counts. One trace id is appended by one thread at a time (its shard).
  // `batch` is borrowed for the call. NoSpace where the disk is full; the batch may be tried again. Malformed, naming
  // the trace, where bytes are no TracesData or hold no span of the trace.
  virtual base::Result<> append(std::span<const SealedTrace> batch) = 0;
  // The highest covered_sequence of `id`; 0 where it is unknown. Replay skips records up to it.
  virtual base::Result<uint64_t> covered_sequence(const model::TraceId& id) = 0;
  // Removes fragments whose earliest span starts before `start`, oldest first; returns how many.
  virtual base::Result<uint64_t> remove_before(model::Timestamp start) = 0;
  // Of fragments: the earliest and latest start; nothing while it is empty.
  virtual base::Result<std::optional<TimeRange>> time_range() = 0;
  virtual uint64_t disk_bytes() const = 0;
};

}  // namespace backstitch::store
