// Reads whole traces back out of a block, as the OTLP that went in (spans in tree order, fields by number). Keeps what
// it decoded, so that one trace after the other is cheap: what a merge does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/block/block.h"

namespace backstitch::store::block {

// What to read of spans where not all is needed. Ids, parents, times, names, kinds, statuses, resources and scopes
// always are.
struct SpanSelection {
  bool is_everything = true;
  // All below where it is not.
  std::vector<bool> columns;  // by place in the index: attributes
  bool has_events = false;    // with those of their attributes
  bool has_links = false;

  bool wants(size_t column) const { return is_everything || columns[column]; }
  bool wants_events() const { return is_everything || has_events; }
  bool wants_links() const { return is_everything || has_links; }
};

// Not thread-safe. `block` outlives it.
class SpanReader {
 public:
  explicit SpanReader(const Block& block, SpanSelection selection = {});
  ~SpanReader();

  // The spans of one trace as TracesData. Columns are kept for the next call in the same group.
  base::Result<std::string> read(const TraceHead& trace);
  // What read() of each trace of a group gives, with their heads.
  base::Result<std::vector<SealedTrace>> read_group(uint32_t group);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace backstitch::store::block
