// Conditions on the events and links of spans: they hold for a span where they hold for one of its events (links).
#pragma once

#include <memory>

#include "store/block/scan/block_condition.h"

namespace backstitch::store::block {

// `field` is an attribute with scope Event or Link.
std::unique_ptr<BlockCondition> bind_event_attribute(const Block& block, const traceql::FieldRef& field,
                                                     const traceql::LiteralComparison& comparison, Spending& spending);
// EventName, EventTimeSinceStart, LinkSpanId, LinkTraceId.
std::unique_ptr<BlockCondition> bind_event_field(const Block& block, traceql::Intrinsic field,
                                                 const traceql::LiteralComparison& comparison, Spending& spending);

}  // namespace backstitch::store::block
