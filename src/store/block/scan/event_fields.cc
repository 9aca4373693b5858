#include "store/block/scan/event_fields.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "store/block/integer_page.h"
#include "store/block/scan/attribute_column.h"
#include "store/block/scan/span_fields.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;
using traceql::Intrinsic;
using traceql::LiteralComparison;

// A span has the verdicts of all its events (links) together.
SpanVerdicts of_spans(std::span<const uint32_t> begins, std::span<const Verdict> parts) {
  const size_t spans = begins.size() - 1;
  SpanVerdicts result{.holds = Bitmap(spans), .present = Bitmap(spans)};
  if (parts.empty()) return result;
  for (size_t span = 0; span < spans; ++span) {
    Verdict all = 0;
    for (uint32_t i = begins[span]; i < begins[span + 1]; ++i) all |= parts[i];
    if ((all & kHolds) != 0) result.holds.set(span);
    if ((all & kPresent) != 0) result.present.set(span);
  }
  return result;
}

// Links whose ids have a wrong length have no row: they stand, as fields of the span, in its Rest.
class StrayLinks {
 public:
  StrayLinks(const Block& block, Spending& spending) {
    const ColumnIndex* column = block.index().find(Field::Rest);
    if (column == nullptr) return;
    rests_ = TextVerdicts(block, *column, spending,
                          [](std::string_view rest) { return rest.empty() ? Verdict{0} : kHolds; });
  }
  bool may_be_in(uint32_t group) const { return rests_.may_have(kHolds, group); }
  void note(GroupColumns& group) const {
    if (!may_be_in(group.group())) return;
    const Bitmap rows = rests_.rows_with(kHolds, group, group.codes(Field::Rest));
    for (size_t row = rows.next(0); row < rows.size(); row = rows.next(row + 1)) group.doubt(row);
  }

 private:
  TextVerdicts rests_;
};

class EventAttributeCondition final : public BlockCondition {
 public:
  EventAttributeCondition(const Block& block, const std::string& key, const LiteralComparison& comparison,
                          Spending& spending)
      : test_(block, AttributeLevel::Event, key, comparison, spending) {}
  bool may_hold(uint32_t group) const override { return test_.may_have(kHolds, group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    if (!test_.may_have(kPresent, group.group())) {
      return {.holds = Bitmap(group.spans()), .present = Bitmap(group.spans())};
    }
    return of_spans(group.event_begins(), test_.judge(group, true));
  }

 private:
  const AttributeTest test_;
};

class LinkAttributeCondition final : public BlockCondition {
 public:
  LinkAttributeCondition(const Block& block, const std::string& key, const LiteralComparison& comparison,
                         Spending& spending)
      : test_(block, AttributeLevel::Link, key, comparison, spending), strays_(block, spending) {}
  bool may_hold(uint32_t group) const override { return test_.may_have(kHolds, group) || strays_.may_be_in(group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    strays_.note(group);
    if (!test_.may_have(kPresent, group.group())) {
      return {.holds = Bitmap(group.spans()), .present = Bitmap(group.spans())};
    }
    return of_spans(group.link_begins(), test_.judge(group, true));
  }

 private:
  const AttributeTest test_;
  const StrayLinks strays_;
};

class EventNameCondition final : public BlockCondition {
 public:
  EventNameCondition(const Block& block, const LiteralComparison& comparison, Spending& spending) {
    const ColumnIndex* column = block.index().find(Field::EventName);
    if (column == nullptr) return;
    names_ = TextVerdicts(block, *column, spending, [&](std::string_view name) {
      return static_cast<Verdict>(kPresent | (comparison.holds_string(name) ? kHolds : 0));
    });
  }
  bool may_hold(uint32_t group) const override { return names_.may_have(kHolds, group); }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    std::vector<Verdict> events;
    if (group.index().events != 0) names_.judge(group, group.codes(Field::EventName), events);
    return of_spans(group.event_begins(), events);
  }

 private:
  TextVerdicts names_;
};

class EventTimeCondition final : public BlockCondition {
 public:
  EventTimeCondition(const Block& block, const LiteralComparison& comparison) : block_(block), test_(comparison) {}
  bool may_hold(uint32_t group) const override { return block_.index().groups[group].events != 0; }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    const auto begins = group.event_begins();
    const auto offsets = group.numbers(Field::EventTime);
    const auto starts = group.starts();
    std::vector<Verdict> events(offsets.size());
    for (size_t span = 0; span + 1 < begins.size(); ++span) {
      const model::Timestamp start{starts[span]};
      for (uint32_t i = begins[span]; i < begins[span + 1]; ++i) {
        const model::Timestamp time{start.unix_nanos + static_cast<uint64_t>(unzigzag(offsets[i]))};
        const bool holds = test_.holds(base::elapsed(start, time).count());
        events[i] = static_cast<Verdict>(kPresent | (holds ? kHolds : 0));
      }
    }
    return of_spans(begins, events);
  }

 private:
  const Block& block_;
  const IntTest test_;
};

class LinkIdCondition final : public BlockCondition {
 public:
  LinkIdCondition(const Block& block, bool is_trace, const LiteralComparison& comparison, Spending& spending)
      : block_(block), is_trace_(is_trace), comparison_(comparison), strays_(block, spending) {}
  bool may_hold(uint32_t group) const override {
    return block_.index().groups[group].links != 0 || strays_.may_be_in(group);
  }
  SpanVerdicts evaluate(GroupColumns& group) const override {
    strays_.note(group);
    std::vector<Verdict> links(group.index().links);
    if (!links.empty()) {
      const std::string_view ids = group.raw(is_trace_ ? Field::LinkTraceId : Field::LinkSpanId);
      for (size_t i = 0; i < links.size(); ++i) {
        const std::string text = is_trace_ ? trace_id_at(ids, i).to_hex() : span_id_at(ids, i).to_hex();
        links[i] = static_cast<Verdict>(kPresent | (comparison_.holds_string(text) ? kHolds : 0));
      }
    }
    return of_spans(group.link_begins(), links);
  }

 private:
  const Block& block_;
  const bool is_trace_;
  const LiteralComparison comparison_;
  const StrayLinks strays_;
};

}  // namespace

std::unique_ptr<BlockCondition> bind_event_attribute(const Block& block, const traceql::FieldRef& field,
                                                     const LiteralComparison& comparison, Spending& spending) {
  if (field.scope == traceql::Scope::Link) {
    return std::make_unique<LinkAttributeCondition>(block, field.key, comparison, spending);
  }
  return std::make_unique<EventAttributeCondition>(block, field.key, comparison, spending);
}

std::unique_ptr<BlockCondition> bind_event_field(const Block& block, Intrinsic field,
                                                 const LiteralComparison& comparison, Spending& spending) {
  switch (field) {
    case Intrinsic::EventName:
      return std::make_unique<EventNameCondition>(block, comparison, spending);
    case Intrinsic::EventTimeSinceStart:
      return std::make_unique<EventTimeCondition>(block, comparison);
    default:
      return std::make_unique<LinkIdCondition>(block, field == Intrinsic::LinkTraceId, comparison, spending);
  }
}

}  // namespace backstitch::store::block
