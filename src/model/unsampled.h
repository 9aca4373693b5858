// Spans that stand for requests which were not sampled: of each that failed its outermost service exports one span, the
// entry span, with the attribute `backstitch.unsampled` and the request's error tree (docs/spec/error-tree.md,
// "Unsampled failures"). No other span of such a trace was exported, so a parent that is absent is not missed.
#pragma once

#include "model/trace.h"

namespace backstitch::model {

constexpr std::string_view kUnsampledAttribute = "backstitch.unsampled";

inline bool is_unsampled(const Span& span) {
  const Value* value = find(span.attributes, kUnsampledAttribute);
  const bool* flag = value == nullptr ? nullptr : value->as<bool>();
  return flag != nullptr && *flag;
}

}  // namespace backstitch::model
