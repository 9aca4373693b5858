// Conditions of an `ottl_condition` policy: the OpenTelemetry Transformation Language as the Collector 0.161 reads it,
// over one span and its events.
//
//   SpanFields fields;
//   auto condition = compile_ottl({.span = {R"(attributes["http.status_code"] >= 500)"}}, fields);
//   // fields.span == {"http.status_code"}: what the span must come with
//   (*condition)->matches(input) == Outcome::Match
//
// Compared with the real library on every combination that src/sample/testdata/ottl_truth.txt holds. Where this is
// narrower, a condition is refused (ottl_parser.h, ottl_paths.cc), never read differently.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "sample/ottl_tree.h"
#include "sample/policy.h"
#include "sample/span_input.h"

namespace backstitch::sample {

// Conditions of one policy; bounds what a span costs.
constexpr size_t kOttlConditionsMax = 256;

// Asks for what the conditions read by adding it to `fields`; on failure `fields` is as it was. Messages name the
// condition and where in it: "span[0]: 1:14: there is no path 'nam'; did you mean 'name'?". InvalidArgument where there
// is no condition at all.
//
// matches(): conditions are asked in order, up to the first that holds; those of `span_event` for each event. With
// ErrorMode::Propagate the first that cannot be evaluated ends the span's (or that event's) turn. Outcome::Error where
// nothing matched and such a one was met. An attribute whose value is a list or a map can be compared, matched and
// measured only where ValueView::whole is given; without it such a condition cannot be evaluated.
// Const calls are thread-safe. Cost O(conditions × their size), without allocations unless values are converted.
base::Result<std::unique_ptr<SpanCondition>> compile_ottl(const OttlCondition& rule, SpanFields& fields);

// One condition on one span (and event, in an OttlContext::SpanEvent). `tree` was bound to the fields that `span` has.
OttlResult<bool> evaluate_ottl(const OttlTree& tree, const SpanInput& span, const EventInput* event);

// Gives the attributes that the tree reads their slots.
void bind_ottl(OttlTree& tree, SpanFields& fields);

}  // namespace backstitch::sample
