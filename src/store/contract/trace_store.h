// Keeps sealed traces. Every implementation passes store/conformance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "store/contract/sealed_trace.h"
#include "store/contract/trace_reader.h"

namespace backstitch::store {

// Thread-safe; reads run beside appends and see a batch wholly or not at all.
class TraceStore : public TraceReader {
 public:
  // Commits all of `batch`, with what each trace is covered up to, in one durable step: when this returns it
  // survives a crash, and when it fails none of it is visible. The same (id, covered_sequence) again is shown once:
  // spans that are equal in (trace, span id, kind) are one. Inside a batch the last with the same (id,
  // covered_sequence) counts, and fragments of one trace may become one, as in maintain(). One trace id is appended by
  // one thread at a time (its shard). `batch` is borrowed for the call. NoSpace where the disk is full; the batch may
  // be tried again. Malformed, naming the trace, where bytes are no TracesData or hold no span of the trace.
  virtual base::Result<> append(std::span<const SealedTrace> batch) = 0;
  // The highest covered_sequence of `id`; 0 where it is unknown. Replay skips records up to it. Where it is below
  // `from` the answer may be 0 too: what was sealed before a log's first record need not be looked at.
  virtual base::Result<uint64_t> covered_sequence(const model::TraceId& id, uint64_t from) = 0;
  base::Result<uint64_t> covered_sequence(const model::TraceId& id) { return covered_sequence(id, 0); }
  // The highest covered_sequence that was ever appended, also where its fragment was removed; 0 before the first. As
  // durable as the batch that brought it. The log's sequences go on above it, so that no new record passes for a
  // covered one.
  virtual base::Result<uint64_t> highest_sequence() = 0;

  // Retention. It goes by when a fragment was sealed, never by the times that a client wrote into its spans: those may
  // be missing or years old. A store removes whole units, each of one fragment or of many that were sealed at about the
  // same time. A unit goes by when the youngest fragment in it was sealed. Both remove the unit with the oldest such
  // time first, until `max` fragments or more are gone, and return how many fragments went: whoever gets `max` or more
  // comes again.
  //
  // What a removed fragment covered is forgotten. Its records have left the log hours before where `sealed_at` is
  // further back than any trace stays open; those of a younger fragment may still be there, and after a restart it is
  // sealed once more.
  virtual base::Result<uint64_t> remove_sealed_before(model::Timestamp sealed_at, uint32_t max) = 0;
  virtual base::Result<uint64_t> remove_oldest(uint32_t max) = 0;

  // One bounded step of the work that keeps a store small and fast, such as merging; true where there is more to do at
  // once. Changes no answer but for bounds that it gets away from. One thread at a time. Ends early, with nothing
  // changed, soon after `stop` is requested.
  virtual base::Result<bool> maintain(std::stop_token stop) = 0;

  // Of fragments: the earliest and latest start; nothing while it is empty.
  virtual base::Result<std::optional<TimeRange>> time_range() = 0;
  virtual uint64_t disk_bytes() const = 0;
};

}  // namespace backstitch::store
