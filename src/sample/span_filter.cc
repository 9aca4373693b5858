#include "sample/span_filter.h"

#include <absl/container/inlined_vector.h>
#include <optional>
#include <utility>

#include "traceql/compare.h"

namespace backstitch::sample {
namespace {

using traceql::ExpressionKind;
using traceql::ExpressionNode;
using traceql::FieldRef;
using traceql::Intrinsic;
using traceql::LiteralComparison;
using traceql::NodeId;
using traceql::Operator;
using traceql::Query;
using traceql::Scope;
using traceql::TypedValue;

// In this order && is the least and || the greatest.
enum class Truth : uint8_t { False, Unknown, True };

Truth truth(bool value) { return value ? Truth::True : Truth::False; }
Truth negated(Truth value) { return static_cast<Truth>(2 - static_cast<int>(value)); }

// Where the values of an attribute lie in a SpanInput.
struct Slots {
  std::optional<uint32_t> span, resource, scope, event;
};

struct Step {
  enum class Kind : uint8_t { Constant, Test, And, Or, Not };

  Kind kind = Kind::Constant;
  bool constant = false;
  bool is_absent_test = false;  // `= nil`: holds where `comparison`, which is `!= nil`, does not
  FieldRef field;
  Slots slots;
  std::optional<LiteralComparison> comparison;
};

bool is_readable(const FieldRef& field) {
  if (field.of_parent) return false;
  switch (field.intrinsic) {
    case Intrinsic::None:
      return field.scope != Scope::Link && field.scope != Scope::Tag;
    case Intrinsic::Name:
    case Intrinsic::Status:
    case Intrinsic::StatusMessage:
    case Intrinsic::Kind:
    case Intrinsic::Duration:
    case Intrinsic::SpanId:
    case Intrinsic::ParentId:
    case Intrinsic::Parent:
    case Intrinsic::TraceId:
    case Intrinsic::EventName:
    case Intrinsic::InstrumentationName:
    case Intrinsic::InstrumentationVersion:
      return true;
    default:
      return false;
  }
}

Truth holds(const LiteralComparison& comparison, const ValueView& value) {
  using Kind = ValueView::Kind;
  switch (value.kind) {
    case Kind::String:
      return truth(comparison.holds_string(value.text));
    case Kind::Bool:
      return truth(comparison.holds_bool(value.boolean));
    case Kind::Int:
      return truth(comparison.holds_int(value.integer));
    case Kind::Double:
      return truth(comparison.holds_double(value.real));
    case Kind::Array:
      if (value.whole != nullptr) return truth(comparison.holds(*value.whole));
      return comparison.op() == Operator::Exists ? Truth::True : Truth::Unknown;
    case Kind::Bytes:
    case Kind::KeyValues:
      return truth(comparison.op() == Operator::Exists);
    default:
      return Truth::False;
  }
}

// The first of the places that has the key decides.
Truth holds_anywhere(const Step& step, const SpanInput& in) {
  const LiteralComparison& comparison = *step.comparison;
  const ValueView& of_span = in.attributes[*step.slots.span];
  if (of_span.is_present()) return holds(comparison, of_span);
  const ValueView& of_resource = in.resource[*step.slots.resource];
  if (of_resource.is_present()) return holds(comparison, of_resource);
  const ValueView& of_scope = in.scope[*step.slots.scope];
  if (of_scope.is_present()) return holds(comparison, of_scope);
  return in.has_events_or_links ? Truth::Unknown : Truth::False;
}

Truth holds_for_event(const Step& step, const SpanInput& in) {
  Truth best = Truth::False;
  for (const EventInput& event : in.events) {
    best = std::max(best, step.slots.event ? holds(*step.comparison, event.attributes[*step.slots.event])
                                           : truth(step.comparison->holds_string(event.name)));
  }
  return best;
}

Truth attribute_holds(const Step& step, const SpanInput& in) {
  switch (step.field.scope) {
    case Scope::Span:
      return holds(*step.comparison, in.attributes[*step.slots.span]);
    case Scope::Resource:
      return holds(*step.comparison, in.resource[*step.slots.resource]);
    case Scope::Instrumentation:
      return holds(*step.comparison, in.scope[*step.slots.scope]);
    case Scope::Event:
      return holds_for_event(step, in);
    default:
      return holds_anywhere(step, in);
  }
}

Truth field_holds(const Step& step, const SpanInput& in) {
  const LiteralComparison& comparison = *step.comparison;
  const model::SpanView& span = *in.span;
  switch (step.field.intrinsic) {
    case Intrinsic::None:
      return attribute_holds(step, in);
    case Intrinsic::Name:
      return truth(comparison.holds_string(span.name));
    case Intrinsic::Status:
      return truth(comparison.holds_status(span.status));
    case Intrinsic::StatusMessage:
      return truth(comparison.holds_string(span.status_message));
    case Intrinsic::Kind:
      return truth(comparison.holds_kind(span.kind));
    case Intrinsic::Duration:
      return truth(comparison.holds_duration(base::elapsed(span.start, span.end).count()));
    case Intrinsic::SpanId:
      return truth(comparison.holds_string(span.span_id.to_hex()));
    case Intrinsic::ParentId:
    case Intrinsic::Parent:
      return truth(span.parent_span_id.is_valid() && comparison.holds_string(span.parent_span_id.to_hex()));
    case Intrinsic::TraceId:
      return truth(comparison.holds_string(span.trace_id.to_hex()));
    case Intrinsic::EventName:
      return holds_for_event(step, in);
    case Intrinsic::InstrumentationName:
      return truth(comparison.holds_string(in.scope_name));
    default:
      return truth(comparison.holds_string(in.scope_version));
  }
}

class SpanFilter final : public SpanCondition {
 public:
  explicit SpanFilter(std::vector<Step> steps) : steps_(std::move(steps)) {}

  Outcome matches(const SpanInput& span) const override {
    absl::InlinedVector<Truth, 16> stack;
    for (const Step& step : steps_) {
      switch (step.kind) {
        case Step::Kind::Constant:
          stack.push_back(truth(step.constant));
          break;
        case Step::Kind::Test: {
          const Truth held = field_holds(step, span);
          stack.push_back(step.is_absent_test ? negated(held) : held);
          break;
        }
        case Step::Kind::Not:
          stack.back() = negated(stack.back());
          break;
        case Step::Kind::And:
        case Step::Kind::Or: {
          const Truth right = stack.back();
          stack.pop_back();
          stack.back() = step.kind == Step::Kind::And ? std::min(stack.back(), right) : std::max(stack.back(), right);
          break;
        }
      }
    }
    if (stack.back() == Truth::Unknown) return Outcome::NeedsTrace;
    return stack.back() == Truth::True ? Outcome::Match : Outcome::NoMatch;
  }

 private:
  const std::vector<Step> steps_;  // in post-order
};

class FilterCompiler {
 public:
  FilterCompiler(const Query& query, NodeId root, SpanFields& fields)
      : query_(query), nodes_(query.expressions), root_(root), first_(nodes_[root].first), fields_(fields) {}

  // False: not a filter that single spans answer.
  bool compile() {
    std::vector<bool> is_operand(root_ - first_ + 1);
    for (NodeId id = first_; id <= root_; ++id) {
      if (is_test(nodes_[id])) is_operand[nodes_[id].left - first_] = true;
      if (is_test(nodes_[id]) && nodes_[id].kind == ExpressionKind::Binary)
        is_operand[nodes_[id].right - first_] = true;
    }
    for (NodeId id = first_; id <= root_; ++id) {
      if (!is_operand[id - first_] && !emit(nodes_[id])) return false;
    }
    return true;
  }

  std::vector<Step> take_steps() { return std::move(steps_); }

 private:
  bool is_field(NodeId id) const { return nodes_[id].kind == ExpressionKind::Field; }

  // A node that becomes one test of a field, its operands included.
  bool is_test(const ExpressionNode& node) const {
    if (node.kind == ExpressionKind::Unary) return node.op != Operator::Negate && is_field(node.left);
    return node.kind == ExpressionKind::Binary && is_comparison(node.op) && is_field(node.left) &&
           nodes_[node.right].kind == ExpressionKind::Literal;
  }

  bool emit(const ExpressionNode& node) {
    switch (node.kind) {
      case ExpressionKind::Literal:
        steps_.emplace_back().constant = node.literal == TypedValue::boolean(true);
        return node.literal.type == traceql::ValueType::Bool;
      case ExpressionKind::Field:
        return emit_test(node.field, {Operator::Equal, TypedValue::boolean(true)});
      case ExpressionKind::Unary:
        if (is_test(node)) return emit_unary_test(node);
        steps_.emplace_back().kind = Step::Kind::Not;
        return node.op == Operator::Not;
      case ExpressionKind::Binary:
        if (is_test(node)) return emit_test(nodes_[node.left].field, LiteralComparison::of(query_, node));
        steps_.emplace_back().kind = node.op == Operator::And ? Step::Kind::And : Step::Kind::Or;
        return node.op == Operator::And || node.op == Operator::Or;
    }
    return false;
  }

  bool emit_unary_test(const ExpressionNode& node) {
    const FieldRef& field = nodes_[node.left].field;
    if (node.op == Operator::Not) return emit_test(field, {Operator::Equal, TypedValue::boolean(false)});
    if (!emit_test(field, {Operator::Exists, {}})) return false;
    steps_.back().is_absent_test = node.op == Operator::Absent;
    return true;
  }

  bool emit_test(const FieldRef& field, LiteralComparison comparison) {
    if (!is_readable(field) || comparison.is_as_text()) return false;
    Step& step = steps_.emplace_back();
    step.kind = Step::Kind::Test;
    step.field = field;
    step.comparison = std::move(comparison);
    request(step);
    return true;
  }

  void request(Step& step) {
    using model::AttributeLevel;
    fields_.status_message |= step.field.intrinsic == Intrinsic::StatusMessage;
    fields_.events |= step.field.intrinsic == Intrinsic::EventName;
    fields_.scope_name_and_version |= step.field.intrinsic == Intrinsic::InstrumentationName ||
                                      step.field.intrinsic == Intrinsic::InstrumentationVersion;
    if (step.field.intrinsic != Intrinsic::None) return;
    const bool is_any = step.field.scope == Scope::Any;
    const auto slot = [&](Scope scope, AttributeLevel level) -> std::optional<uint32_t> {
      if (step.field.scope != scope && !(is_any && scope != Scope::Event)) return std::nullopt;
      return fields_.slot(level, step.field.key);
    };
    step.slots = {.span = slot(Scope::Span, AttributeLevel::Span),
                  .resource = slot(Scope::Resource, AttributeLevel::Resource),
                  .scope = slot(Scope::Instrumentation, AttributeLevel::Scope),
                  .event = slot(Scope::Event, AttributeLevel::Event)};
    fields_.presence_of_events_and_links |= is_any;
  }

  const Query& query_;
  const std::vector<ExpressionNode>& nodes_;
  const NodeId root_;
  const NodeId first_;
  SpanFields& fields_;
  std::vector<Step> steps_;
};

}  // namespace

std::unique_ptr<SpanCondition> compile_span_filter(const Query& query, NodeId root, SpanFields& fields) {
  SpanFields extended = fields;
  FilterCompiler compiler(query, root, extended);
  if (!compiler.compile()) return nullptr;
  fields = std::move(extended);
  return std::make_unique<SpanFilter>(compiler.take_steps());
}

}  // namespace backstitch::sample
