// The filter tree that every search goes by, whatever language it was asked in, and its plain evaluator: the
// naive twin of every fast search.
//
// A filter is a list of conditions that must all hold on one and the same span ("spanset filter" of TraceQL,
// joined by &&); an empty filter matches every trace that has a span.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/trace.h"

namespace backstitch::traceql {

enum class Field {
  Service,    // resource.service.name
  Name,       // the span's name
  Kind,       // as a word: "server"
  Status,     // as a word: "error"
  Duration,   // the span's own, in nanoseconds
  Attribute,  // `key` on the span, else its resource, scope, events, in that order
  SpanAttribute,
  ResourceAttribute,
};

enum class Comparison { Equal, NotEqual, AtLeast, AtMost };

struct Condition {
  Field field = Field::Attribute;
  std::string key;  // of attributes
  Comparison comparison = Comparison::Equal;
  // Compared by type; where the attribute is a number or bool and `value` a string, by their text, since Jaeger's
  // tags are text. Durations are int64 nanoseconds.
  model::Value value;

  bool operator==(const Condition&) const = default;
};

struct Filter {
  std::vector<Condition> all;  // on one span
  // Each must hold on some span, not the same one (Jaeger's minDuration next to its tags).
  std::vector<Condition> any_span;

  bool operator==(const Filter&) const = default;
};

bool matches(const Filter& filter, const model::Trace& trace);
// One span against the conditions of `filter.all`.
bool matches_span(const Filter& filter, const model::SpanSet& owner, const model::Span& span);

}  // namespace backstitch::traceql
