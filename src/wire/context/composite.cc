#include "wire/context/composite.h"

#include <algorithm>
#include <string>

#include "wire/context/b3.h"
#include "wire/context/baggage_propagator.h"
#include "wire/context/jaeger.h"
#include "wire/context/raceway.h"
#include "wire/context/trace_context.h"

namespace backstitch::wire::context {
namespace {

// How much a context says of the span that called.
enum class Rank { Nothing, Decision, Trace, Span };

Rank rank_of(const SpanContext& span) {
  if (span.is_valid()) return Rank::Span;
  if (span.trace_id.is_valid()) return Rank::Trace;
  return span.sampling == Sampling::Undecided ? Rank::Nothing : Rank::Decision;
}

bool are_same_trace(const SpanContext& a, const SpanContext& b) {
  return a.trace_id == b.trace_id && a.trace_id.is_valid();
}

// True where both name spans, or traces, and not the same.
bool do_disagree(const SpanContext& a, const SpanContext& b) {
  if (!a.trace_id.is_valid() || !b.trace_id.is_valid()) return false;
  return a.trace_id != b.trace_id || (a.is_valid() && b.is_valid() && a.span_id != b.span_id);
}

// `span` and `other` are the same span.
void complete_span(SpanContext& span, SpanContext&& other) {
  if (!span.parent_span_id.is_valid()) span.parent_span_id = other.parent_span_id;
  const bool is_debug = span.sampling == Sampling::Sample && other.sampling == Sampling::Debug;
  if (span.sampling == Sampling::Undecided || is_debug) span.sampling = other.sampling;
  if (span.trace_state.empty()) span.trace_state = std::move(other.trace_state);
  span.is_random |= other.is_random;
  span.is_trace_id_64_bit |= other.is_trace_id_64_bit;
  span.is_callee_span |= other.is_callee_span;
}

void add_span(Context& context, Context&& later, Faults& faults) {
  if (do_disagree(context.span, later.span)) faults.add(Fault::Disagreement);
  const bool same_trace = are_same_trace(context.span, later.span);
  if (rank_of(later.span) > rank_of(context.span)) {
    std::swap(context.span, later.span);
    if (!same_trace || later.raceway) std::swap(context.raceway, later.raceway);
  } else if (same_trace && context.span.is_valid() && context.span.span_id == later.span.span_id) {
    complete_span(context.span, std::move(later.span));
  }
  if (same_trace && !context.raceway) context.raceway = std::move(later.raceway);
}

std::unique_ptr<const Propagator> create_one(std::string_view name) {
  if (name == "tracecontext") return std::make_unique<TraceContextPropagator>();
  if (name == "tracecontext-1") {
    return std::make_unique<TraceContextPropagator>(TraceContextOptions{.grammar = TraceStateGrammar::Level1});
  }
  if (name == "baggage") return std::make_unique<BaggagePropagator>();
  if (name == "b3") return std::make_unique<B3Propagator>(B3Encoding::Single);
  if (name == "b3multi") return std::make_unique<B3Propagator>(B3Encoding::Multi);
  if (name == "jaeger") return std::make_unique<JaegerPropagator>();
  if (name == "raceway") return std::make_unique<RacewayPropagator>();
  return nullptr;
}

std::vector<std::string_view> unique_names(std::string_view list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view name = trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace

Extraction CompositePropagator::extract(const TextMapGetter& carrier) const {
  Extraction all;
  for (const auto& part : parts_) {
    Extraction found = part->extract(carrier);
    all.faults += found.faults;
    all.context.baggage.add_missing(found.context.baggage);
    add_span(all.context, std::move(found.context), all.faults);
  }
  return all;
}

Faults CompositePropagator::inject(const Context& context, TextMapSetter& carrier) const {
  Faults faults;
  for (const auto& part : parts_) faults += part->inject(context, carrier);
  return faults;
}

std::vector<std::string_view> CompositePropagator::fields() const {
  std::vector<std::string_view> all;
  for (const auto& part : parts_) {
    for (const std::string_view name : part->fields()) {
      if (std::ranges::find(all, name) == all.end()) all.push_back(name);
    }
  }
  return all;
}

base::Result<std::unique_ptr<const Propagator>> create_propagator(std::string_view names) {
  const std::vector<std::string_view> unique = unique_names(names);
  std::vector<std::unique_ptr<const Propagator>> parts;
  for (const std::string_view name : unique) {
    if (name == "none" && unique.size() == 1) break;
    parts.push_back(create_one(name));
    if (parts.back() != nullptr) continue;
    const std::string quoted = "'" + std::string(name) + "'";
    return base::fail(base::Errc::InvalidArgument,
                      name == "none"
                          ? "propagator 'none' stands beside others"
                          : "propagator " + quoted +
                                " is unknown; there are tracecontext, tracecontext-1, baggage, b3, b3multi, jaeger, "
                                "raceway and none");
  }
  return std::make_unique<CompositePropagator>(std::move(parts));
}

}  // namespace backstitch::wire::context
