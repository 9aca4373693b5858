// An OTTL condition as a tree: what its parser makes, and what is evaluated. Nodes lie in one list, parts before what
// holds them; what was settled while parsing may leave some that nothing refers to.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sample/ottl_value.h"

namespace re2 {
class RE2;
}

namespace backstitch::sample {

// What a condition stands on: a span, or one of its events, which sees its span too.
enum class OttlContext : uint8_t { Span, SpanEvent };

enum class OttlField : uint8_t {
  Attribute,  // of the path's level, by key
  ScopeName,
  ScopeVersion,
  TraceId,
  TraceIdString,
  SpanId,
  SpanIdString,
  ParentSpanId,
  ParentSpanIdString,
  TraceState,
  Name,
  Kind,
  KindString,
  KindDeprecatedString,  // "SPAN_KIND_SERVER"
  StartTime,
  StartTimeUnixNano,
  EndTime,
  EndTimeUnixNano,
  StatusCode,
  StatusMessage,
  Flags,
  EventName,
  EventTime,
  EventTimeUnixNano,
};

// `resource.attributes["service.name"]`.
struct OttlPath {
  OttlField field = OttlField::Name;
  model::AttributeLevel level = model::AttributeLevel::Span;  // of Attribute
  std::string key;                                            // of Attribute
  uint32_t slot = 0;                                          // of Attribute: given when a plan is made (bind)
};

enum class OttlConverter : uint8_t {
  IsMatch,
  IsRootSpan,
  IsString,
  IsInt,
  IsDouble,
  IsBool,
  IsList,
  IsMap,
  HasPrefix,
  HasSuffix,
  Len,
  String,
  Int,
  Double,
  Bool,
  ToLowerCase,
  ToUpperCase,
  TraceId,
  SpanId,
  Duration,
  Hours,
  Minutes,
  Seconds,
  Milliseconds,
  Microseconds,
  Nanoseconds,
};

struct OttlNode {
  enum class Kind : uint8_t { Literal, Path, Convert, Negate, Calculate, Compare, Not, And, Or };

  Kind kind = Kind::Literal;
  OttlComparison comparison = OttlComparison::Equal;  // of Compare
  OttlConverter converter = OttlConverter::IsMatch;   // of Convert
  OttlValue literal;                                  // borrows from OttlTree::texts
  bool is_written = false;                  // of Literal: it stands in the text as such; a converter's result does not
  uint32_t path = 0;                        // of Path: its index in OttlTree::paths
  std::shared_ptr<const re2::RE2> pattern;  // of IsMatch. Shared, since trees copy and expressions don't
  std::vector<uint32_t> parts;              // arguments, operands
  std::vector<OttlOperator> operators;      // of Calculate: before parts[1], parts[2], …
};

// Moved, not copied: literals borrow from `texts`.
struct OttlTree {
  OttlTree() = default;
  OttlTree(OttlTree&&) = default;
  OttlTree& operator=(OttlTree&&) = default;

  OttlContext context = OttlContext::Span;
  uint32_t root = 0;
  std::vector<OttlNode> nodes;
  std::vector<OttlPath> paths;
  OttlTexts texts;  // of literals
};

}  // namespace backstitch::sample
