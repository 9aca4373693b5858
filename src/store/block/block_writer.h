// Turns sealed traces into one block: an immutable columnar file that is an order of magnitude smaller than the spans,
// and that is searched a column at a time.
//
//   BlockWriter writer({});
//   for (const SealedTrace& trace : by_start) writer.add(trace);
//   std::string file = writer.finish();
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/block/block_index.h"
#include "store/contract/sealed_trace.h"

namespace backstitch::store::block {

struct BlockWriterOptions {
  std::vector<uint64_t> replaces;  // numbers of the blocks that it is merged from
  // A row group ends with the trace that fills it: with so many spans, or so many bytes of OTLP. The latter keeps a
  // page far below 4 GiB.
  uint32_t group_spans = kGroupSpans;
  uint64_t group_bytes = 64 << 20;
};

// One thread at a time.
class BlockWriter {
 public:
  explicit BlockWriter(BlockWriterOptions options);
  ~BlockWriter();

  // Adds the spans of `trace.id` in `trace.otlp`, each (span id, kind) once: the first counts. Nothing is borrowed
  // after the call. A trace comes once, its fragments joined by concatenation of their bytes. Searches and sizes are
  // best where traces come in order of their start. Malformed where the bytes are no TracesData or hold no span of the
  // trace, TooLarge where they hold more than kTraceRowsMax events, links and attributes: then nothing was added.
  base::Result<> add(const SealedTrace& trace);

  uint64_t spans() const;
  // The whole file. At least one trace was added (asserted). Once.
  std::string finish();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace backstitch::store::block
