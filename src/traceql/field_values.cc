#include "traceql/field_values.h"

#include <algorithm>
#include <utility>

namespace backstitch::traceql {
namespace {

using model::Span;
using model::Value;

const Span* find_root(const model::Trace& trace) {
  const Span* root = nullptr;
  for (const Span& span : trace.spans) {
    if (!span.is_root()) continue;
    if (root == nullptr || is_earlier(span, *root)) root = &span;
  }
  return root;
}

bool take_attribute(const model::Attributes& attributes, const std::string& key, TakeField take, bool& has_key) {
  const Value* value = model::find(attributes, key);
  if (value == nullptr) return false;
  has_key = true;
  return take(FieldView::of_attribute(*value));
}

// Of events, or of links.
template <typename Parts>
bool take_of_each(const Parts& parts, const std::string& key, TakeField take, bool& has_key) {
  bool taken = false;
  for (const auto& part : parts) taken = taken || take_attribute(part.attributes, key, take, has_key);
  return taken;
}

// The first place that has the key decides.
bool take_from_anywhere(const FieldRef& field, const TraceContext& context, const Span& span, TakeField take) {
  const model::Trace& trace = context.trace();
  bool has_key = false;
  const model::Attributes* places[] = {&span.attributes, &trace.resources[span.resource].attributes,
                                       &trace.scopes[span.scope].attributes};
  for (const model::Attributes* place : places) {
    const bool taken = take_attribute(*place, field.key, take, has_key);
    if (has_key) return taken;
  }
  const bool taken = take_of_each(span.events, field.key, take, has_key);
  if (has_key || field.scope == Scope::Tag) return taken;
  return take_of_each(span.links, field.key, take, has_key);
}

bool take_attributes(const FieldRef& field, const TraceContext& context, const Span& span, TakeField take) {
  const model::Trace& trace = context.trace();
  bool has_key = false;
  switch (field.scope) {
    case Scope::Any:
    case Scope::Tag:
      return take_from_anywhere(field, context, span, take);
    case Scope::Span:
      return take_attribute(span.attributes, field.key, take, has_key);
    case Scope::Resource:
      return take_attribute(trace.resources[span.resource].attributes, field.key, take, has_key);
    case Scope::Instrumentation:
      return take_attribute(trace.scopes[span.scope].attributes, field.key, take, has_key);
    case Scope::Event:
      return take_of_each(span.events, field.key, take, has_key);
    case Scope::Link:
      return take_of_each(span.links, field.key, take, has_key);
  }
  return false;
}

bool take_of_events_and_links(Intrinsic intrinsic, const Span& span, TakeField take) {
  switch (intrinsic) {
    case Intrinsic::EventName:
      return std::ranges::any_of(span.events, [&](const auto& event) { return take(FieldView::of_text(event.name)); });
    case Intrinsic::EventTimeSinceStart:
      return std::ranges::any_of(span.events, [&](const auto& event) {
        return take(FieldView::of_number(ValueType::Duration, base::elapsed(span.start, event.time).count()));
      });
    case Intrinsic::LinkSpanId:
      return std::ranges::any_of(span.links,
                                 [&](const auto& link) { return take(FieldView::of_new_text(link.span_id.to_hex())); });
    case Intrinsic::LinkTraceId:
      return std::ranges::any_of(
          span.links, [&](const auto& link) { return take(FieldView::of_new_text(link.trace_id.to_hex())); });
    default:
      return false;
  }
}

int64_t nested_set_parent(const SpanTree& tree, const Span& span, uint32_t index) {
  if (tree.parent[index] != SpanTree::kNone) return tree.left[tree.parent[index]];
  return span.is_root() ? -1 : 0;
}

bool take_of_tree(Intrinsic intrinsic, const TraceContext& context, uint32_t index, TakeField take) {
  const SpanTree* tree = context.tree();
  if (tree == nullptr) return false;
  const auto number = [&](int64_t value) { return take(FieldView::of_number(ValueType::Int, value)); };
  switch (intrinsic) {
    case Intrinsic::ChildCount:
      return number(tree->child_count[index]);
    case Intrinsic::NestedSetLeft:
      return number(tree->left[index]);
    case Intrinsic::NestedSetRight:
      return number(tree->right[index]);
    default:
      return number(nested_set_parent(*tree, context.trace().spans[index], index));
  }
}

bool take_of_trace(Intrinsic intrinsic, const TraceContext& context, TakeField take) {
  if (intrinsic == Intrinsic::TraceId) return take(FieldView::of_new_text(context.trace().id.to_hex()));
  if (intrinsic == Intrinsic::TraceDuration) {
    return take(FieldView::of_number(ValueType::Duration, context.duration().count()));
  }
  const Span* root = context.root();
  if (root == nullptr) return false;
  return take(FieldView::of_text(intrinsic == Intrinsic::RootName ? root->name : context.service(*root)));
}

bool take_intrinsic(Intrinsic intrinsic, const TraceContext& context, uint32_t index, TakeField take) {
  const Span& span = context.trace().spans[index];
  const auto scope = [&]() -> const model::Scope& { return context.trace().scopes[span.scope]; };
  const FieldRef field = FieldRef::of(intrinsic);
  if (is_trace_level(field)) return take_of_trace(intrinsic, context, take);
  if (is_of_events_or_links(field)) return take_of_events_and_links(intrinsic, span, take);
  switch (intrinsic) {
    case Intrinsic::Name:
      return take(FieldView::of_text(span.name));
    case Intrinsic::Status:
      return take(FieldView::of_number(ValueType::Status, static_cast<int64_t>(span.status.code)));
    case Intrinsic::StatusMessage:
      return take(FieldView::of_text(span.status.message));
    case Intrinsic::Kind:
      return take(FieldView::of_number(ValueType::Kind, static_cast<int64_t>(span.kind)));
    case Intrinsic::Duration:
      return take(FieldView::of_number(ValueType::Duration, span.duration().count()));
    case Intrinsic::SpanId:
      return take(FieldView::of_new_text(span.span_id.to_hex()));
    case Intrinsic::ParentId:
    case Intrinsic::Parent:
      return !span.is_root() && take(FieldView::of_new_text(span.parent_span_id.to_hex()));
    case Intrinsic::InstrumentationName:
      return take(FieldView::of_text(scope().name));
    case Intrinsic::InstrumentationVersion:
      return take(FieldView::of_text(scope().version));
    case Intrinsic::Service:
      return take(FieldView::of_text(context.service(span)));
    default:
      return take_of_tree(intrinsic, context, index, take);
  }
}

}  // namespace

TraceContext::TraceContext(const model::Trace& trace, bool with_tree) : trace_(trace), root_(find_root(trace)) {
  if (with_tree) tree_ = build_span_tree(trace);
  for (const model::Resource& resource : trace.resources) services_.push_back(resource.service());
  const model::Timestamp start = model::earliest_start(trace);
  model::Timestamp end = start;
  for (const Span& span : trace.spans) end = std::max({end, span.start, span.end});
  duration_ = base::elapsed(start, end);
}

FieldView FieldView::of_attribute(const model::Value& value) {
  FieldView view;
  view.attribute_ = &value;
  return view;
}

FieldView FieldView::of_text(std::string_view text) {
  FieldView view;
  view.type_ = ValueType::String;
  view.text_ = text;
  return view;
}

FieldView FieldView::of_new_text(std::string text) {
  FieldView view;
  view.type_ = ValueType::String;
  view.owned_ = std::move(text);
  return view;
}

FieldView FieldView::of_number(ValueType type, int64_t number) {
  FieldView view;
  view.type_ = type;
  view.number_ = number;
  return view;
}

bool FieldView::holds(const LiteralComparison& comparison) const {
  if (attribute_ != nullptr) return comparison.holds(*attribute_);
  switch (type_) {
    case ValueType::String:
      return comparison.holds_string(owned_.empty() ? text_ : owned_);
    case ValueType::Status:
      return comparison.holds_status(static_cast<model::StatusCode>(number_));
    case ValueType::Kind:
      return comparison.holds_kind(static_cast<model::SpanKind>(number_));
    default:
      return comparison.holds_int(number_);
  }
}

TypedValue FieldView::copy() const {
  if (attribute_ != nullptr) return TypedValue::of(*attribute_);
  if (type_ == ValueType::String) return {type_, std::string(owned_.empty() ? text_ : owned_)};
  if (type_ == ValueType::Kind) return TypedValue::kind(static_cast<model::SpanKind>(number_));
  return {type_, number_};
}

bool any_value(const FieldRef& field, const TraceContext& context, uint32_t span, TakeField take) {
  if (field.of_parent) {
    const SpanTree* tree = context.tree();
    if (tree == nullptr || tree->parent[span] == SpanTree::kNone) return false;
    span = tree->parent[span];
  }
  if (field.intrinsic != Intrinsic::None) return take_intrinsic(field.intrinsic, context, span, take);
  return take_attributes(field, context, context.trace().spans[span], take);
}

TypedValue first_value(const FieldRef& field, const TraceContext& context, uint32_t span) {
  TypedValue value;
  any_value(field, context, span, [&](const FieldView& view) {
    value = view.copy();
    return true;
  });
  return value;
}

}  // namespace backstitch::traceql
