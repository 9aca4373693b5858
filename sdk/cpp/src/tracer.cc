#include "backstitch/tracer.h"

#include "src/context_access.h"
#include "src/id_generator.h"
#include "src/provider_state.h"
#include "src/recording.h"

namespace backstitch::sdk {
namespace {

// The ids of a new span; a root of a trace that a caller named without a span goes on with that trace.
void make_child(const SpanContext& parent, SpanContext& context) noexcept {
  context.span_id = random_span_id();
  if (parent.trace_id.is_valid()) {
    context.trace_id = parent.trace_id;
    context.is_random = parent.is_random;
    context.is_trace_id_64_bit = parent.is_trace_id_64_bit;
    context.trace_state = parent.trace_state;
  } else {
    context.trace_id = random_trace_id();
    context.is_random = true;
  }
}

// A parent's debug flag goes on to its children.
Sampling sampling_of(SamplingDecision decision, const SpanContext& parent) noexcept {
  if (decision != SamplingDecision::RecordAndSample) return Sampling::Drop;
  return parent.sampling == Sampling::Debug ? Sampling::Debug : Sampling::Sample;
}

}  // namespace

Span Tracer::start_span(std::string_view name, const StartSpanOptions& options) const noexcept {
  if (state_ != nullptr && state_->provider().is_recording()) return start(*state_, name, options);
  // OpenTelemetry: without an SDK a span is its parent's context, and nothing of its own.
  if (options.is_root) return Span();
  return Span((options.parent != nullptr ? *options.parent : Context::current()).span().context());
}

Span Tracer::start(const TracerState& state, std::string_view name, const StartSpanOptions& options) noexcept {
  static constinit const SpanContext none;
  const ProviderState& provider = state.provider();
  const Context& around = options.parent != nullptr ? *options.parent : Context::current();
  const SpanContext& parent = options.is_root ? none : around.span().context();
  Span span;
  SpanContext& context = span.context_;
  make_child(parent, context);
  const SamplingDecision decision = provider.sampler().should_sample({.parent = parent,
                                                                      .trace_id = context.trace_id,
                                                                      .name = name,
                                                                      .kind = options.kind,
                                                                      .attributes = options.attributes,
                                                                      .links = options.links});
  context.sampling = sampling_of(decision, parent);
  if (decision == SamplingDecision::Drop) return span;

  SpanRecording* const recording = SpanRecording::create(state);
  if (recording == nullptr) {
    provider.count_span_without_memory();
    return span;
  }
  span.recording_ = recording;
  recording->context = context;
  recording->kind = options.kind;
  recording->is_parent_remote = parent.is_valid() && parent.is_remote;
  if (parent.is_valid()) recording->parent = parent.span_id;
  recording->anchor_ticks = SpanClock::ticks();
  recording->anchor_ns = provider.clock().wall(recording->anchor_ticks);
  recording->start_ns =
      !options.start ? recording->anchor_ns : std::chrono::nanoseconds(options.start->time_since_epoch()).count();
  recording->start_with(name, options.attributes, options.links);
  const ContextExtras* const extras = ContextAccess::extras(around);
  if (extras != nullptr && extras->restarted_from && !parent.is_valid()) {
    recording->add_link({*extras->restarted_from, {}});
  }
  return span;
}

}  // namespace backstitch::sdk
