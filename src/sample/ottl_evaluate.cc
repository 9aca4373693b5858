#include <array>
#include <re2/re2.h>

#include "sample/ottl.h"
#include "sample/ottl_coerce.h"
#include "sample/ottl_convert.h"

namespace backstitch::sample {

using Kind = OttlValue::Kind;
using NodeKind = OttlNode::Kind;

namespace {

// Of one tree on one span. Depth of calls is bounded by kOttlNestingMax, which bounds the tree's.
class Evaluation {
 public:
  Evaluation(const OttlTree& tree, const SpanInput& span, const EventInput* event)
      : tree_(tree), input_(span), event_(event) {}

  OttlResult<bool> condition(uint32_t index);

 private:
  OttlResult<OttlValue> value(uint32_t index);
  OttlResult<OttlValue> path(const OttlPath& path);
  OttlResult<OttlValue> calculation(const OttlNode& node);
  OttlResult<OttlValue> conversion(const OttlNode& node);
  OttlResult<OttlValue> match(const OttlNode& node);

  OttlValue kept(std::string text) { return OttlValue::of_text(Kind::String, texts_.emplace_front(std::move(text))); }

  const OttlTree& tree_;
  const SpanInput& input_;
  const EventInput* event_;
  OttlTexts texts_;
};

// NOLINTNEXTLINE(misc-no-recursion)
OttlResult<bool> Evaluation::condition(uint32_t index) {
  const OttlNode& node = tree_.nodes[index];
  if (node.kind == NodeKind::And || node.kind == NodeKind::Or) {
    const bool settles = node.kind == NodeKind::Or;
    for (const uint32_t part : node.parts) {
      const OttlResult<bool> result = condition(part);
      if (!result || *result == settles) return result;
    }
    return !settles;
  }
  if (node.kind == NodeKind::Not) {
    const OttlResult<bool> result = condition(node.parts[0]);
    if (!result) return result;
    return !*result;
  }
  if (node.kind == NodeKind::Compare) {
    const OttlResult<OttlValue> left = value(node.parts[0]);
    if (!left) return std::unexpected(left.error());
    const OttlResult<OttlValue> right = value(node.parts[1]);
    if (!right) return std::unexpected(right.error());
    return compare_ottl(*left, *right, node.comparison);
  }
  const OttlResult<OttlValue> result = value(index);
  if (!result) return std::unexpected(result.error());
  if (result->kind != Kind::Bool) return std::unexpected(OttlFailure::NotABoolean);
  return result->boolean;
}

// NOLINTNEXTLINE(misc-no-recursion)
OttlResult<OttlValue> Evaluation::value(uint32_t index) {
  const OttlNode& node = tree_.nodes[index];
  switch (node.kind) {
    case NodeKind::Literal:
      return node.literal;
    case NodeKind::Path:
      return path(tree_.paths[node.path]);
    case NodeKind::Convert:
      return conversion(node);
    case NodeKind::Calculate:
      return calculation(node);
    case NodeKind::Negate: {
      const OttlResult<OttlValue> part = value(node.parts[0]);
      return part ? negate_ottl(*part) : part;
    }
    default:
      return std::unexpected(OttlFailure::WrongKind);
  }
}

// NOLINTNEXTLINE(misc-no-recursion)
OttlResult<OttlValue> Evaluation::calculation(const OttlNode& node) {
  OttlResult<OttlValue> result = value(node.parts[0]);
  for (size_t i = 1; result && i < node.parts.size(); ++i) {
    const OttlResult<OttlValue> right = value(node.parts[i]);
    if (!right) return right;
    result = calculate_ottl(*result, node.operators[i - 1], *right);
  }
  return result;
}

// NOLINTNEXTLINE(misc-no-recursion)
OttlResult<OttlValue> Evaluation::conversion(const OttlNode& node) {
  if (node.converter == OttlConverter::IsRootSpan) return OttlValue::of_bool(!input_.span->parent_span_id.is_valid());
  if (node.converter == OttlConverter::IsMatch) return match(node);
  const OttlResult<OttlValue> first = value(node.parts[0]);
  if (!first || node.parts.size() == 1) return first ? convert_ottl(node.converter, *first, {}, texts_) : first;
  const OttlResult<OttlValue> second = value(node.parts[1]);
  if (!second) return second;
  return convert_ottl(node.converter, *first, *second, texts_);
}

// NOLINTNEXTLINE(misc-no-recursion)
OttlResult<OttlValue> Evaluation::match(const OttlNode& node) {
  const OttlResult<OttlValue> target = value(node.parts[0]);
  if (!target) return target;
  const OttlResult<OttlValue> text = to_ottl_string(*target, texts_);
  if (!text) return text;
  if (text->kind == Kind::Nil) return OttlValue::of_bool(false);
  const re2::StringPiece piece(text->text.data(), text->text.size());
  return OttlValue::of_bool(re2::RE2::PartialMatch(piece, *node.pattern));
}

template <typename Id>
std::string_view bytes_of(const Id& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

OttlValue text_of(std::string_view text) { return OttlValue::of_text(Kind::String, text); }
OttlValue time_of(base::Timestamp time) {
  return OttlValue::of_nanos(Kind::Time, static_cast<int64_t>(time.unix_nanos));
}
OttlValue nanos_of(base::Timestamp time) { return OttlValue::of_int(static_cast<int64_t>(time.unix_nanos)); }

constexpr std::array<std::string_view, 6> kKindNames = {"Unspecified", "Internal", "Server",
                                                        "Client",      "Producer", "Consumer"};
constexpr std::array<std::string_view, 6> kDeprecatedKindNames = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                                                  "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                                                  "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};

template <size_t kSize>
std::string_view name_in(const std::array<std::string_view, kSize>& names, model::SpanKind kind) {
  const auto index = static_cast<size_t>(kind);
  return index < kSize ? names[index] : std::string_view();
}

std::span<const ValueView> attributes_at(model::AttributeLevel level, const SpanInput& input, const EventInput* event) {
  switch (level) {
    case model::AttributeLevel::Resource:
      return input.resource;
    case model::AttributeLevel::Scope:
      return input.scope;
    case model::AttributeLevel::Event:
      return event == nullptr ? std::span<const ValueView>() : event->attributes;
    default:
      return input.attributes;
  }
}

OttlResult<OttlValue> Evaluation::path(const OttlPath& path) {
  const model::SpanView& span = *input_.span;
  switch (path.field) {
    case OttlField::Attribute: {
      const std::span<const ValueView> values = attributes_at(path.level, input_, event_);
      return path.slot < values.size() ? OttlValue::of_view(values[path.slot]) : OttlValue{};
    }
    case OttlField::ScopeName:
      return text_of(input_.scope_name);
    case OttlField::ScopeVersion:
      return text_of(input_.scope_version);
    case OttlField::TraceId:
      return OttlValue::of_text(Kind::TraceId, bytes_of(span.trace_id));
    case OttlField::TraceIdString:
      return kept(span.trace_id.to_hex());
    case OttlField::SpanId:
      return OttlValue::of_text(Kind::SpanId, bytes_of(span.span_id));
    case OttlField::SpanIdString:
      return kept(span.span_id.to_hex());
    case OttlField::ParentSpanId:
      return OttlValue::of_text(Kind::SpanId, bytes_of(span.parent_span_id));
    case OttlField::ParentSpanIdString:
      return kept(span.parent_span_id.to_hex());
    case OttlField::TraceState:
      return text_of(span.trace_state);
    case OttlField::Name:
      return text_of(span.name);
    case OttlField::Kind:
      return OttlValue::of_int(static_cast<int64_t>(span.kind));
    case OttlField::KindString:
      return text_of(name_in(kKindNames, span.kind));
    case OttlField::KindDeprecatedString:
      return text_of(name_in(kDeprecatedKindNames, span.kind));
    case OttlField::StartTime:
      return time_of(span.start);
    case OttlField::StartTimeUnixNano:
      return nanos_of(span.start);
    case OttlField::EndTime:
      return time_of(span.end);
    case OttlField::EndTimeUnixNano:
      return nanos_of(span.end);
    case OttlField::StatusCode:
      return OttlValue::of_int(static_cast<int64_t>(span.status));
    case OttlField::StatusMessage:
      return text_of(span.status_message);
    case OttlField::Flags:
      return OttlValue::of_int(span.flags);
    case OttlField::EventName:
      return text_of(event_->name);
    case OttlField::EventTime:
      return time_of(event_->time);
    case OttlField::EventTimeUnixNano:
      return nanos_of(event_->time);
  }
  return OttlValue{};
}

}  // namespace

OttlResult<bool> evaluate_ottl(const OttlTree& tree, const SpanInput& span, const EventInput* event) {
  return Evaluation(tree, span, event).condition(tree.root);
}

void bind_ottl(OttlTree& tree, SpanFields& fields) {
  fields.events = fields.events || tree.context == OttlContext::SpanEvent;
  for (OttlPath& path : tree.paths) {
    switch (path.field) {
      case OttlField::Attribute:
        path.slot = fields.slot(path.level, path.key);
        break;
      case OttlField::ScopeName:
      case OttlField::ScopeVersion:
        fields.scope_name_and_version = true;
        break;
      case OttlField::TraceState:
        fields.trace_state = true;
        break;
      case OttlField::StatusMessage:
        fields.status_message = true;
        break;
      case OttlField::Flags:
        fields.flags = true;
        break;
      default:
        break;  // always there
    }
  }
}

}  // namespace backstitch::sample
