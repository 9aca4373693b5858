// What a condition of a policy may see of one span, its attributes decoded once and borrowed. A plan says beforehand
// which of it it asks for (SpanFields); whatever nobody asks for is not filled in.
//
// The keys of one level have slots: SpanFields::span[3] == "http.route" means SpanInput::attributes[3] is its value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/feature_plan.h"
#include "model/span_view.h"
#include "model/value_view.h"

namespace backstitch::sample {

using model::ValueView;

struct EventInput {
  std::string_view name;
  base::Timestamp time;
  std::span<const ValueView> attributes;  // by the slots of SpanFields::event
};

// Borrowed for one call.
struct SpanInput {
  // Ids, name, times, kind, status; status_message, trace_state and flags where SpanFields asks for them.
  const model::SpanView* span = nullptr;
  std::span<const ValueView> attributes;  // by the slots of SpanFields::span
  std::span<const ValueView> resource;    // by the slots of SpanFields::resource
  std::span<const ValueView> scope;       // by the slots of SpanFields::scope
  std::string_view scope_name;
  std::string_view scope_version;
  std::span<const EventInput> events;  // where SpanFields::events
  // Where SpanFields::presence_of_events_and_links; true wherever that is not known.
  bool has_events_or_links = true;
};

// What a plan asks for, of every span.
struct SpanFields {
  std::vector<std::string> resource;  // attribute keys; the index is the slot
  std::vector<std::string> scope;
  std::vector<std::string> span;
  std::vector<std::string> event;
  bool scope_name_and_version = false;
  bool status_message = false;
  bool trace_state = false;
  bool flags = false;
  bool events = false;  // their names and times; with `event`, their attributes
  bool presence_of_events_and_links = false;

  size_t attribute_count() const { return resource.size() + scope.size() + span.size() + event.size(); }

  // The key's slot at Resource, Scope, Span or Event level, new where nobody asked for it yet; Event sets `events`.
  uint32_t slot(model::AttributeLevel level, std::string_view key) {
    std::vector<std::string>& keys = level == model::AttributeLevel::Resource ? resource
                                     : level == model::AttributeLevel::Scope  ? scope
                                     : level == model::AttributeLevel::Event  ? event
                                                                              : span;
    events = events || level == model::AttributeLevel::Event;
    const auto index = static_cast<uint32_t>(std::ranges::find(keys, key) - keys.begin());
    if (index == keys.size()) keys.emplace_back(key);
    return index;
  }

  bool operator==(const SpanFields&) const = default;
};

// Of one condition on one span. Error: it could not be evaluated, and its error mode wants that known. NeedsTrace: what
// the condition asks for is not among the SpanFields (links, say); the whole trace will tell.
enum class Outcome : uint8_t { NoMatch, Match, Error, NeedsTrace };

// A condition on a span and its events. Const calls are thread-safe, and don't throw.
class SpanCondition {
 public:
  virtual ~SpanCondition() = default;
  virtual Outcome matches(const SpanInput& span) const = 0;
};

// What makes an ottl_condition of a policy one condition: Match where one of its texts holds. It adds what it reads to
// `fields`. InvalidArgument names the text and the place in it.
struct OttlCondition;
using OttlCompiler = base::Result<std::unique_ptr<SpanCondition>> (*)(const OttlCondition& condition,
                                                                      SpanFields& fields);

}  // namespace backstitch::sample
