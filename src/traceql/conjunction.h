// Two questions at once, such as a query and the filters beside it.
#pragma once

#include "traceql/query.h"

namespace backstitch::traceql {

// The traces that match `query` and have what the one spanset of `filters` (as tag_query() and QueryBuilder make it;
// asserted) asks: `query && filters`. The spans that either finds are the result; what else `query` has (selected
// fields, hints) is kept. Neither is a metrics query (asserted).
Query both(Query query, const Query& filters);

}  // namespace backstitch::traceql
