#include "src/tree_event.h"

#include <array>

#include "src/recording.h"
#include "wire/error_tree/shrink.h"

namespace backstitch::sdk {
namespace {

namespace et = wire::error_tree;

constexpr size_t kTreeBytesMax = 65'536;  // of its base64: what a span keeps of messages that a header has no room for

void add_event(const MiddlewareState& middleware, SpanRecording& recording, const TreeEvent& event) {
  const auto fitted = et::encode_to_fit(event.tree, et::Encoding::Binary,
                                        {.depth_max = middleware.options().tree_depth_max, .bytes_max = kTreeBytesMax});
  if (!fitted) return middleware.count(Count::UnsentNoRoom);
  std::array<Attribute, 3> attributes = {{{"tree", AttributeValue::bytes(fitted->value)}, {{}, 0}, {{}, 0}}};
  size_t count = 1;
  if (event.lateness) attributes[count++] = {"backstitch.lateness_ns", event.lateness->count()};
  if (event.is_committed) attributes[count++] = {"backstitch.committed", *event.is_committed};
  recording.add_own_event("backstitch.error_tree", Attributes(attributes.data(), count));
}

// A recording of a span that was not recorded, or not to be exported. Null without memory.
SpanRecording* record_unsampled(const TracerState& tracer, const Span& span, const UnsampledSpan& unsampled) {
  SpanRecording* const recording = SpanRecording::create(tracer);
  if (recording == nullptr) {
    tracer.provider().count_span_without_memory();
    return nullptr;
  }
  recording->context = span.context();
  recording->parent = unsampled.parent;
  recording->is_parent_remote = unsampled.parent.is_valid();
  recording->kind = SpanKind::Server;
  recording->anchor_ticks = unsampled.start_ticks;
  recording->anchor_ns = tracer.provider().clock().wall(unsampled.start_ticks);
  recording->start_ns = recording->anchor_ns;
  recording->start_with(unsampled.name, {{"backstitch.unsampled", true}}, {});
  return recording;
}

}  // namespace

void end_with_tree(const MiddlewareState& middleware, const Span& span, const TreeEvent& event,
                   const UnsampledSpan& unsampled) {
  const TracerState* const tracer = TracerAccess::state(middleware.tracer());
  if (tracer == nullptr || !tracer->provider().is_recording()) return;
  SpanRecording* const sampled = span.context().is_sampled() ? SpanAccess::recording(span) : nullptr;
  if (sampled != nullptr) {
    add_event(middleware, *sampled, event);
    return sampled->end({});
  }
  SpanRecording* const recording = record_unsampled(*tracer, span, unsampled);
  if (recording == nullptr) return;
  const model::ErrorNode root = event.tree.node(0);
  if (failing_subtrees(event.tree)[0]) recording->set_status(StatusCode::Error, root.error);
  add_event(middleware, *recording, event);
  if (!recording->end_as_failure()) middleware.count(Count::UnsentQueueFull);
  recording->release();
}

}  // namespace backstitch::sdk
