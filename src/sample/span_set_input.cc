#include "sample/span_set_input.h"

namespace backstitch::sample {
namespace {

std::vector<ValueView> views_of(const model::Attributes& attributes, const std::vector<std::string>& keys) {
  std::vector<ValueView> views;
  for (const std::string& key : keys) views.push_back(model::view_of(model::find(attributes, key)));
  return views;
}

model::SpanView view_of(const model::Span& span) {
  model::SpanView view;
  view.trace_id = span.trace_id;
  view.span_id = span.span_id;
  view.parent_span_id = span.parent_span_id;
  view.name = span.name;
  view.start = span.start;
  view.end = span.end;
  view.kind = span.kind;
  view.status = span.status.code;
  view.status_message = span.status.message;
  view.trace_state = span.trace_state;
  view.flags = span.flags;
  return view;
}

struct ResourceValues {
  std::vector<ValueView> values;
  AtomBits atoms;
};

}  // namespace

void add_spans(const Plan& plan, const model::SpanSet& set, TraceFeatures& features) {
  const SpanFields& fields = plan.fields();
  std::vector<ResourceValues> resources;
  for (const model::Resource& resource : set.resources) {
    ResourceValues& known = resources.emplace_back();
    known.values = views_of(resource.attributes, fields.resource);
    known.atoms = plan.of_resource(known.values);
  }
  for (const model::Span& span : set.spans) {
    const model::SpanView view = view_of(span);
    const std::vector<ValueView> attributes = views_of(span.attributes, fields.span);
    const model::Scope& scope = set.scopes[span.scope];
    const std::vector<ValueView> of_scope = views_of(scope.attributes, fields.scope);
    std::vector<std::vector<ValueView>> of_events;
    std::vector<EventInput> events;
    for (const model::Event& event : span.events) of_events.push_back(views_of(event.attributes, fields.event));
    for (size_t i = 0; i < of_events.size(); ++i) {
      events.push_back({.name = span.events[i].name, .time = span.events[i].time, .attributes = of_events[i]});
    }
    const ResourceValues& resource = resources[span.resource];
    const SpanInput input{.span = &view,
                          .attributes = attributes,
                          .resource = resource.values,
                          .scope = of_scope,
                          .scope_name = scope.name,
                          .scope_version = scope.version,
                          .events = events,
                          .has_events_or_links = !span.events.empty() || !span.links.empty()};
    plan.add(input, resource.atoms, features);
  }
}

}  // namespace backstitch::sample
