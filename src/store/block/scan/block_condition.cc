#include "store/block/scan/block_condition.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "store/block/integer_page.h"
#include "store/block/scan/attribute_column.h"
#include "store/block/scan/event_fields.h"
#include "store/block/scan/span_fields.h"
#include "store/block/scan/verdicts.h"
#include "store/block/text_messages.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;
using traceql::FieldRef;
using traceql::Intrinsic;
using traceql::LiteralComparison;
using traceql::Scope;

SpanVerdicts everywhere(Bitmap holds) {
  const size_t size = holds.size();
  return {.holds = std::move(holds), .present = Bitmap(size, true)};
}

// Text columns of spans: names, messages, and the messages that resources and scopes are.
class TextCondition final : public BlockCondition {
 public:
  TextCondition(Field field, TextVerdicts verdicts) : field_(field), verdicts_(std::move(verdicts)) {}
  bool may_hold(uint32_t group) const override { return verdicts_.may_have(kHolds, group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    std::vector<Verdict> rows;
    verdicts_.judge(group, group.codes(field_), rows);
    return {.holds = rows_with(kHolds, rows), .present = rows_with(kPresent, rows)};
  }

 private:
  const Field field_;
  const TextVerdicts verdicts_;
};

std::unique_ptr<BlockCondition> bind_text(const Block& block, Field field, Spending& spending, Judge judge) {
  const ColumnIndex* column = block.index().find(field);
  TextVerdicts verdicts = column == nullptr ? TextVerdicts() : TextVerdicts(block, *column, spending, judge);
  return std::make_unique<TextCondition>(field, std::move(verdicts));
}

// Status and kind: a verdict for each number that the model knows; others are the first.
class EnumCondition final : public BlockCondition {
 public:
  EnumCondition(const Block& block, Field field, const LiteralComparison& comparison) : block_(block), field_(field) {
    for (uint32_t number = 0; number < (field == Field::Status ? 3 : 6); ++number) {
      const bool holds = field == Field::Status ? comparison.holds_status(static_cast<model::StatusCode>(number))
                                                : comparison.holds_kind(static_cast<model::SpanKind>(number));
      holds_.push_back(holds);
    }
  }
  bool may_hold(uint32_t group) const override {
    if (field_ != Field::Status) return std::ranges::find(holds_, true) != holds_.end();
    const GroupIndex& index = block_.index().groups[group];
    return holds_[0] || holds_[1] || (holds_[2] && index.errors != 0);
  }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    const auto numbers = group.codes(field_);
    std::array<bool, 8> holds{};
    std::ranges::copy(holds_, holds.begin());
    return everywhere(
        Bitmap::of(numbers.size(), [&](size_t i) { return holds[numbers[i] < holds_.size() ? numbers[i] : 0]; }));
  }

 private:
  const Block& block_;
  const Field field_;
  std::vector<bool> holds_;
};

class DurationCondition final : public BlockCondition {
 public:
  DurationCondition(const Block& block, const LiteralComparison& comparison) : block_(block), test_(comparison) {}
  bool may_hold(uint32_t group) const override {
    const GroupIndex& index = block_.index().groups[group];
    if (!has_plain_durations(index)) return true;
    return test_.may_hold(index.duration_min.count(), index.duration_max.count());
  }
  SpanVerdicts evaluate(GroupColumns& group) const override { return everywhere(test_.rows(group.durations())); }

 private:
  const Block& block_;
  const IntTest test_;
};

class TreeCondition final : public BlockCondition {
 public:
  TreeCondition(Intrinsic field, const LiteralComparison& comparison) : field_(field), test_(comparison) {}
  bool may_hold(uint32_t) const override { return true; }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    return everywhere(test_.rows(tree_numbers(field_, group)));
  }

 private:
  const Intrinsic field_;
  const IntTest test_;
};

// One value for each trace.
class TraceCondition final : public BlockCondition {
 public:
  TraceCondition(const Block& block, Intrinsic field, const LiteralComparison& comparison, Spending& spending)
      : field_(field), comparison_(comparison) {
    if (field == Intrinsic::RootName) {
      of_root_ = bind(block, FieldRef::of(Intrinsic::Name), comparison, spending);
    } else if (field == Intrinsic::RootService) {
      of_root_ = bind(block, FieldRef::of(Intrinsic::Service), comparison, spending);
    }
  }
  bool may_hold(uint32_t group) const override { return of_root_ == nullptr || of_root_->may_hold(group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    const std::vector<Verdict> traces = judge(group);
    const auto begins = group.trace_begins();
    SpanVerdicts result{.holds = Bitmap(group.spans()), .present = Bitmap(group.spans())};
    for (size_t trace = 0; trace < traces.size(); ++trace) {
      if ((traces[trace] & kHolds) != 0) result.holds.set_range(begins[trace], begins[trace + 1]);
      if ((traces[trace] & kPresent) != 0) result.present.set_range(begins[trace], begins[trace + 1]);
    }
    return result;
  }

 private:
  std::vector<Verdict> judge(GroupColumns& group) const {
    const size_t count = group.trace_begins().size() - 1;
    std::vector<Verdict> verdicts(count, 0);
    const auto note = [&](size_t trace, bool holds) {
      verdicts[trace] = static_cast<Verdict>(kPresent | (holds ? kHolds : 0));
    };
    if (of_root_ != nullptr) {
      const Bitmap holds = of_root_->evaluate(group).holds;
      const std::vector<uint32_t> roots = root_rows(group);
      for (size_t trace = 0; trace < count; ++trace) {
        if (roots[trace] != kNoRow) note(trace, holds[roots[trace]]);
      }
    } else if (field_ == Intrinsic::TraceDuration) {
      const std::vector<int64_t> durations = trace_durations(group);
      for (size_t trace = 0; trace < count; ++trace) note(trace, comparison_.holds_duration(durations[trace]));
    } else {
      const std::string_view ids = group.raw(Field::TraceId);
      for (size_t trace = 0; trace < count; ++trace) {
        note(trace, comparison_.holds_string(trace_id_at(ids, trace).to_hex()));
      }
    }
    return verdicts;
  }

  const Intrinsic field_;
  const LiteralComparison comparison_;
  std::unique_ptr<BlockCondition> of_root_;
};

// span:id and span:parentID.
class SpanIdCondition final : public BlockCondition {
 public:
  SpanIdCondition(bool is_parent, const LiteralComparison& comparison)
      : is_parent_(is_parent), comparison_(comparison) {
    if (comparison.op() != traceql::Operator::Equal) return;
    const auto* text = comparison.literal().value.as<std::string>();
    const auto id = text == nullptr ? base::fail(base::Errc::InvalidArgument, "") : model::SpanId::from_hex(*text);
    // All zeros are an id here, though no valid one: they go the slow way.
    if (id && id->to_hex() == *text) wanted_ = *id;
  }
  bool may_hold(uint32_t) const override { return true; }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    if (is_parent_) {
      const auto stored = group.codes(Field::Parent);
      const Bitmap present = Bitmap::of(stored.size(), [&](size_t i) { return stored[i] != 0; });
      if (comparison_.op() == traceql::Operator::Exists) return {.holds = present, .present = present};
      const std::vector<model::SpanId> ids = parent_ids(group);
      Bitmap holds = Bitmap::of(ids.size(), [&](size_t i) { return holds_id(ids[i]); });
      return {.holds = std::move(holds &= present), .present = present};
    }
    const std::string_view ids = group.raw(Field::SpanId);
    return everywhere(Bitmap::of(group.spans(), [&](size_t i) { return holds_id(span_id_at(ids, i)); }));
  }

 private:
  bool holds_id(const model::SpanId& id) const {
    return wanted_ ? id == *wanted_ : comparison_.holds_string(id.to_hex());
  }

  const bool is_parent_;
  const LiteralComparison comparison_;
  std::optional<model::SpanId> wanted_;
};

class SpanAttributeCondition final : public BlockCondition {
 public:
  SpanAttributeCondition(const Block& block, const std::string& key, const LiteralComparison& comparison,
                         Spending& spending)
      : test_(block, AttributeLevel::Span, key, comparison, spending) {}
  bool may_hold(uint32_t group) const override { return test_.may_have(kHolds, group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    const std::vector<Verdict> rows = test_.judge(group, true);
    if (rows.empty()) return {.holds = Bitmap(group.spans()), .present = Bitmap(group.spans())};
    return {.holds = rows_with(kHolds, rows), .present = rows_with(kPresent, rows)};
  }

 private:
  const AttributeTest test_;
};

// `.key`: the first place that has the key decides.
class AnywhereCondition final : public BlockCondition {
 public:
  explicit AnywhereCondition(std::vector<std::unique_ptr<BlockCondition>> places) : places_(std::move(places)) {}
  bool may_hold(uint32_t group) const override {
    return std::ranges::any_of(places_, [&](const auto& place) { return place->may_hold(group); });
  }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    SpanVerdicts result = places_.front()->evaluate(group);
    for (size_t i = 1; i < places_.size(); ++i) {
      SpanVerdicts next = places_[i]->evaluate(group);
      result.holds |= next.holds.subtract(result.present);
      result.present |= next.present;
    }
    return result;
  }

 private:
  std::vector<std::unique_ptr<BlockCondition>> places_;
};

// `parent.…`
class ParentCondition final : public BlockCondition {
 public:
  explicit ParentCondition(std::unique_ptr<BlockCondition> inner) : inner_(std::move(inner)) {}
  bool may_hold(uint32_t group) const override { return inner_->may_hold(group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    const SpanVerdicts inner = inner_->evaluate(group);
    const auto parents = group.parents();
    const auto of_parent = [&](const Bitmap& bits) {
      return Bitmap::of(parents.size(), [&](size_t i) { return parents[i] != kNoRow && bits[parents[i]]; });
    };
    return {.holds = of_parent(inner.holds), .present = of_parent(inner.present)};
  }

 private:
  std::unique_ptr<BlockCondition> inner_;
};

std::unique_ptr<BlockCondition> bind_attribute(const Block& block, const FieldRef& field,
                                               const LiteralComparison& comparison, Spending& spending) {
  const auto at = [&](Scope scope) {
    return bind_attribute(block, FieldRef::attribute(scope, field.key), comparison, spending);
  };
  switch (field.scope) {
    case Scope::Span:
      return std::make_unique<SpanAttributeCondition>(block, field.key, comparison, spending);
    case Scope::Resource:
      return bind_text(block, Field::Resource, spending, [&](std::string_view message) {
        return verdict_on(decode_resource(message).attributes, field.key, comparison);
      });
    case Scope::Instrumentation:
      return bind_text(block, Field::Scope, spending, [&](std::string_view message) {
        return verdict_on(decode_scope(message).attributes, field.key, comparison);
      });
    case Scope::Event:
    case Scope::Link:
      return bind_event_attribute(block, field, comparison, spending);
    case Scope::Any:
    case Scope::Tag:
      break;
  }
  std::vector<std::unique_ptr<BlockCondition>> places;
  for (const Scope scope : {Scope::Span, Scope::Resource, Scope::Instrumentation, Scope::Event}) {
    places.push_back(at(scope));
  }
  if (field.scope == Scope::Any) places.push_back(at(Scope::Link));
  return std::make_unique<AnywhereCondition>(std::move(places));
}

std::unique_ptr<BlockCondition> bind_intrinsic(const Block& block, Intrinsic field, const LiteralComparison& comparison,
                                               Spending& spending) {
  const auto verdict = [&](std::string_view text) {
    return static_cast<Verdict>(kPresent | (comparison.holds_string(text) ? kHolds : 0));
  };
  switch (field) {
    case Intrinsic::Name:
      return bind_text(block, Field::Name, spending, verdict);
    case Intrinsic::StatusMessage:
      return bind_text(block, Field::StatusMessage, spending, verdict);
    case Intrinsic::Service:
      return bind_text(block, Field::Resource, spending,
                       [&](std::string_view message) { return verdict(decode_resource(message).service()); });
    case Intrinsic::InstrumentationName:
      return bind_text(block, Field::Scope, spending,
                       [&](std::string_view message) { return verdict(decode_scope(message).name); });
    case Intrinsic::InstrumentationVersion:
      return bind_text(block, Field::Scope, spending,
                       [&](std::string_view message) { return verdict(decode_scope(message).version); });
    case Intrinsic::Status:
      return std::make_unique<EnumCondition>(block, Field::Status, comparison);
    case Intrinsic::Kind:
      return std::make_unique<EnumCondition>(block, Field::Kind, comparison);
    case Intrinsic::Duration:
      return std::make_unique<DurationCondition>(block, comparison);
    case Intrinsic::SpanId:
      return std::make_unique<SpanIdCondition>(false, comparison);
    case Intrinsic::ParentId:
    case Intrinsic::Parent:
      return std::make_unique<SpanIdCondition>(true, comparison);
    case Intrinsic::TraceId:
    case Intrinsic::TraceDuration:
    case Intrinsic::RootName:
    case Intrinsic::RootService:
      return std::make_unique<TraceCondition>(block, field, comparison, spending);
    case Intrinsic::EventName:
    case Intrinsic::EventTimeSinceStart:
    case Intrinsic::LinkSpanId:
    case Intrinsic::LinkTraceId:
      return bind_event_field(block, field, comparison, spending);
    default:
      return std::make_unique<TreeCondition>(field, comparison);
  }
}

}  // namespace

std::unique_ptr<BlockCondition> bind(const Block& block, const FieldRef& field, const LiteralComparison& comparison,
                                     Spending& spending) {
  auto bound = field.intrinsic == Intrinsic::None ? bind_attribute(block, field, comparison, spending)
                                                  : bind_intrinsic(block, field.intrinsic, comparison, spending);
  if (!field.of_parent) return bound;
  return std::make_unique<ParentCondition>(std::move(bound));
}

uint32_t cost_of(const FieldRef& field) {
  switch (field.intrinsic) {
    case Intrinsic::Status:
    case Intrinsic::Kind:
      return 1;
    case Intrinsic::Name:
    case Intrinsic::StatusMessage:
    case Intrinsic::InstrumentationName:
    case Intrinsic::InstrumentationVersion:
      return 2;
    case Intrinsic::Duration:
    case Intrinsic::TraceId:
      return 4;
    case Intrinsic::Service:
      return 8;
    case Intrinsic::None:
      break;
    default:
      return 20;
  }
  if (field.scope == Scope::Resource) return 8;  // told by names of spans and their parents: three columns
  if (field.scope == Scope::Instrumentation) return 2;
  if (field.scope == Scope::Span) return 6;
  return field.scope == Scope::Any || field.scope == Scope::Tag ? 10 : 12;
}

}  // namespace backstitch::store::block
