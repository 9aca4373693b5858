// Reads the values that the ingest walk hands out (SpanView::selected, events) where they lie.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/value_view.h"

namespace backstitch::wire::otlp {

// Of an AnyValue message; its data() is null where there is none: Absent. Bytes that are no AnyValue are Empty, which
// those that the walk has passed never are.
model::ValueView read_value(std::string_view any_value);

struct EventHead {
  base::Timestamp time;
  std::string_view name;
};

// Of an Event message; `values[i]` is the value of the first attribute `keys[i]`, as many as there are keys.
EventHead read_event(std::string_view event, std::span<const std::string> keys, std::span<model::ValueView> values);

}  // namespace backstitch::wire::otlp
