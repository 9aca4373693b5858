#include "sample/atoms.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "sample/trace_state.h"

namespace backstitch::sample {
namespace {

// The Collector reads every attribute as the type that its policy is about; another type reads as "", 0 or false.
std::string_view text_of(const ValueView& value) {
  return value.kind == ValueView::Kind::String ? value.text : std::string_view{};
}

struct Holds {
  const ValueView& value;
  bool is_resource;

  bool operator()(const OneOfTexts& test) const { return std::ranges::binary_search(test.texts, text_of(value)); }
  bool operator()(const TextPattern& test) const {
    const std::string_view text = text_of(value);
    return (is_resource || !text.empty()) && test.is_found_in(text);
  }
  bool operator()(const IntegerRange& test) const {
    const int64_t number = value.kind == ValueView::Kind::Int ? value.integer : 0;
    return number >= test.min && number <= test.max;
  }
  bool operator()(const BooleanIs& test) const {
    return (value.kind == ValueView::Kind::Bool && value.boolean) == test.value;
  }
};

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += fmt::format("{}:{}", text.size(), text);
  return all;
}

}  // namespace

Atom AtomTable::atom(std::string identity, bool& is_new) {
  const auto [known, inserted] = atoms_.try_emplace(std::move(identity), count_);
  count_ += inserted ? 1 : 0;
  is_new = inserted;
  return known->second;
}

Atom AtomTable::attribute(std::string_view key, std::string identity, AttributeTest test) {
  bool is_new = false;
  const Atom result = atom(fmt::format("attribute {}:{} {}", key.size(), key, identity), is_new);
  if (is_new) {
    of_span_.push_back({fields_.slot(model::AttributeLevel::Span, key), result, test});
    of_resource_.push_back({fields_.slot(model::AttributeLevel::Resource, key), result, std::move(test)});
  }
  return result;
}

Atom AtomTable::status(uint8_t codes) {
  bool is_new = false;
  const Atom result = atom(fmt::format("status {}", codes), is_new);
  if (is_new) statuses_.push_back({codes, result});
  return result;
}

Atom AtomTable::sampled_flag() {
  bool is_new = false;
  sampled_flag_ = atom("sampled flag", is_new);
  fields_.flags = true;
  return *sampled_flag_;
}

Atom AtomTable::trace_state(const std::string& key, const std::vector<std::string>& values) {
  // Key, "=" and value together have at most 256 characters.
  constexpr size_t kMemberMax = 256;
  bool is_new = false;
  const Atom result = atom(fmt::format("trace_state {}:{} {}", key.size(), key, joined(values)), is_new);
  if (!is_new) return result;
  TraceStateTest& test = trace_states_.emplace_back();
  test.key = key;
  test.atom = result;
  for (const std::string& value : values) {
    if (!value.empty() && key.size() + value.size() < kMemberMax) test.values.push_back(value);
  }
  std::ranges::sort(test.values);
  fields_.trace_state = true;
  return result;
}

AtomTable::ConditionAtoms AtomTable::condition(std::string identity, std::unique_ptr<SpanCondition> condition) {
  bool is_new = false;
  ConditionAtoms atoms;
  atoms.match = atom("match " + identity, is_new);
  atoms.unclear = atom("unclear " + identity, is_new);
  if (is_new) {
    known_conditions_.emplace(std::move(identity), atoms);
    conditions_.push_back({atoms, std::move(condition)});
  }
  return atoms;
}

std::optional<AtomTable::ConditionAtoms> AtomTable::known_condition(const std::string& identity) const {
  const auto known = known_conditions_.find(identity);
  return known == known_conditions_.end() ? std::nullopt : std::optional(known->second);
}

AtomBits AtomTable::of_resource(std::span<const ValueView> values) const {
  AtomBits bits;
  for (const Test& test : of_resource_) {
    const ValueView& value = values[test.slot];
    if (value.is_present() && std::visit(Holds{value, true}, test.test)) bits.set(test.atom);
  }
  return bits;
}

void AtomTable::add_span(const SpanInput& span, AtomBits& bits) const {
  for (const StatusTest& test : statuses_) {
    if ((test.codes >> static_cast<unsigned>(span.span->status) & 1) != 0) bits.set(test.atom);
  }
  for (const Test& test : of_span_) {
    const ValueView& value = span.attributes[test.slot];
    if (!value.is_present() || bits.test(test.atom)) continue;
    if (std::visit(Holds{value, false}, test.test)) bits.set(test.atom);
  }
  if (sampled_flag_ && (span.span->flags & 1) != 0) bits.set(*sampled_flag_);
  for (const TraceStateTest& test : trace_states_) {
    if (span.span->trace_state.empty() || bits.test(test.atom)) continue;
    const std::optional<std::string_view> value = trace_state_value(span.span->trace_state, test.key);
    if (value && std::ranges::binary_search(test.values, *value)) bits.set(test.atom);
  }
  for (const Condition& condition : conditions_) {
    if (bits.test(condition.atoms.match)) continue;
    const Outcome outcome = condition.condition->matches(span);
    if (outcome != Outcome::NoMatch) {
      bits.set(outcome == Outcome::Match ? condition.atoms.match : condition.atoms.unclear);
    }
  }
}

}  // namespace backstitch::sample
