// Reads whole traces back out of a block, as the OTLP that went in (spans in tree order, fields by number). Keeps what
// it decoded, so that one trace after the other is cheap, which is what a merge does; or decodes no more of a group
// than some traces need, which is what a question for one trace does.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/workers.h"
#include "store/block/block.h"
#include "store/block/span_rows.h"

namespace backstitch::store::block {

// Not thread-safe. `block` outlives it, and `groups`, where there are some.
class SpanReader {
 public:
  explicit SpanReader(const Block& block, SpanSelection selection = {}, GroupCache* groups = nullptr);
  ~SpanReader();

  // The spans of one trace as TracesData. Columns are kept for the next call in the same group.
  base::Result<std::string> read(const TraceHead& trace);
  // What read() of each gives: of at least one trace, all of one group, in the order of their rows (asserted). Decodes
  // the rows between the first and the last of them, and of text what they have.
  // A trace needs a hundred pages of its group: `workers`, where given, decode them at once.
  base::Result<std::vector<std::string>> read_some(std::span<const TraceHead> traces, base::Workers* workers = nullptr);
  // What read() of each trace of a group gives, with their heads.
  base::Result<std::vector<SealedTrace>> read_group(uint32_t group);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace backstitch::store::block
