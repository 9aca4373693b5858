// Structural operators between two sets of a group's spans: linear passes over the rows, which stand in the order of a
// tree walk, so that whatever is below a span follows it.
#pragma once

#include "store/block/scan/bitmap.h"
#include "store/block/scan/group_columns.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// As traceql::relate (traceql/structural.h), for all traces of the group at once.
Bitmap relate(traceql::SpansetOperator op, traceql::SpansetMode mode, const Bitmap& left, const Bitmap& right,
              GroupColumns& group);

}  // namespace backstitch::store::block
