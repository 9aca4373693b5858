// Reads whole traces of a block for the plain evaluator, one group after the other.
#pragma once

#include <optional>

#include "base/result.h"
#include "model/trace.h"
#include "store/block/scan/spending.h"
#include "store/block/span_reader.h"

namespace backstitch::store::block {

// Not thread-safe. Both outlive it.
class TraceDecoder {
 public:
  TraceDecoder(const Block& block, Spending& spending) : block_(block), spending_(spending), reader_(block) {}

  // Spans in tree order.
  base::Result<model::Trace> read(const TraceHead& head);

 private:
  const Block& block_;
  Spending& spending_;
  SpanReader reader_;
  std::optional<uint32_t> group_;  // whose columns were counted
};

}  // namespace backstitch::store::block
