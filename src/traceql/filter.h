// The filter tree that every search goes by, whatever language it was asked in, and its plain evaluator: the
// naive twin of every fast search.
//
// A filter is a list of conditions that must all hold on one and the same span ("spanset filter" of TraceQL,
// joined by &&); an empty filter matches every trace that has a span.
//
//   Filter filter{.all = {{.field = Field::Service, .value = "cart"},
//                         {.key = "http.status_code", .comparison = Comparison::AtLeast, .value = 500}}};
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/trace.h"

namespace backstitch::traceql {

enum class Field {
  Service,    // resource.service.name; "unknown_service" where there is none
  Name,       // the span's name
  Kind,       // as a word: "server"
  Status,     // as a word: "error"
  Duration,   // the span's own, in nanoseconds; negative where clocks lie
  Attribute,  // `key` on the span, else its resource, scope, events: the first that has it decides
  SpanAttribute,
  ResourceAttribute,
};

// No comparison holds where the attribute is absent, NotEqual included (as in TraceQL). Of an attribute of events it
// is enough that one event's holds.
enum class Comparison { Equal, NotEqual, AtLeast, AtMost };

struct Condition {
  Field field = Field::Attribute;
  std::string key;  // of attributes
  Comparison comparison = Comparison::Equal;
  // Integers and doubles compare as numbers. A string is compared with whatever the attribute is by that one's text
  // (model::to_text), since Jaeger's tags are text: "500" equals the integer 500. For AtLeast and AtMost a string
  // beside a number is read as one, and two strings go by their bytes; nothing else has an order.
  // Durations are int64 nanoseconds.
  model::Value value;

  bool operator==(const Condition&) const = default;
};

struct Filter {
  std::vector<Condition> all;  // on one span
  // Each must hold on some span, not the same one (Jaeger's minDuration next to its tags).
  std::vector<Condition> any_span;

  bool operator==(const Filter&) const = default;
};

// Cost O(spans × conditions).
bool matches(const Filter& filter, const model::Trace& trace);
// One span against the conditions of `filter.all`.
bool matches_span(const Filter& filter, const model::SpanSet& owner, const model::Span& span);

}  // namespace backstitch::traceql
