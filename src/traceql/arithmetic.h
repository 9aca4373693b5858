// Arithmetic between values of a query: sizes, durations, sums of aggregates.
#pragma once

#include "traceql/query.h"

namespace backstitch::traceql {

// Two Ints make an Int (wrapping; a power that is none becomes Float), a Duration stays one under + and - with another
// and under * and / with a plain number, all else numeric is Float. Nil where a side is no number, and for division
// of Ints by zero.
TypedValue calculate(Operator op, const TypedValue& left, const TypedValue& right);
TypedValue negate(const TypedValue& value);

// Of Int, Float and Duration (nanoseconds).
std::optional<double> to_double(const TypedValue& value);

}  // namespace backstitch::traceql
