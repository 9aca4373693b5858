// Reads traces of a block for the plain evaluator, one group after the other: of their attributes, events and links
// only what the query looks at or shows.
#pragma once

#include <optional>

#include "base/result.h"
#include "model/trace.h"
#include "store/block/scan/spending.h"
#include "store/block/span_reader.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// Not thread-safe. Both outlive it.
class TraceDecoder {
 public:
  TraceDecoder(const Block& block, const traceql::Query& query, Spending& spending);

  // Spans in tree order.
  base::Result<model::Trace> read(const TraceHead& head);

 private:
  const Block& block_;
  Spending& spending_;
  const SpanSelection selection_;
  SpanReader reader_;
  std::optional<uint32_t> group_;  // whose columns were counted
};

}  // namespace backstitch::store::block
