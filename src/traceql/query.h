// A query as a tree: the one filter tree that every search goes by, whatever language it was asked in. TraceQL text
// parses into it (parse.h), Jaeger's and Zipkin's parameters build it (tag_query.h), evaluators read it (evaluate.h
// is the plain one), and print.h writes it back as text.
//
//   { span.http.status_code >= 500 && status = error } >> { name = "SELECT" } | count() > 2
//     expressions  span.http.status_code, 500, >=, status, error, =, &&, name, "SELECT", =
//     spansets     {expression 6}, {expression 9}, 0 >> 1
//     scalars      count(), 2
//     pipelines    [spansets 2, scalars 0 > 1]
//
// All nodes are values in flat vectors and name each other by index: a query copies, compares and is destroyed without
// recursion. Every vector is in post-order: children stand before their parent, and the nodes of one subtree are
// neighbours, [first, root]. So a loop over that range with a stack of operands evaluates it, whatever its depth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/trace.h"
#include "model/value.h"

namespace backstitch::traceql {

// What one query may hold; parse() refuses more.
constexpr size_t kQueryBytesMax = 64 << 10;
constexpr size_t kNodesMax = 4096;  // of expressions, spansets, scalars and stages together
constexpr size_t kNestingMax = 64;  // of parentheses, unary operators and chained powers
constexpr size_t kStagesMax = 64;   // of all pipelines
constexpr size_t kGroupByMax = 8;   // fields of by() in metrics
constexpr size_t kSelectMax = 64;   // fields of select()
constexpr size_t kQuantilesMax = 16;

// ---- values

// Of a literal, and of whatever a node evaluates to.
enum class ValueType : uint8_t {
  Nil,       // absent; an empty AnyValue too
  Bool,      // bool
  Int,       // int64_t
  Float,     // double
  String,    // std::string
  Duration,  // int64_t nanoseconds
  Status,    // int64_t, the number of model::StatusCode
  Kind,      // int64_t, the number of model::SpanKind; unknown ones are Unspecified
  Array,     // model::Array; no literal
  Opaque,    // bytes and key-value lists: they exist, and compare with nothing; no literal
};

struct TypedValue {
  ValueType type = ValueType::Nil;
  model::Value value;  // of the C++ type beside `type`; empty for Nil

  bool operator==(const TypedValue&) const = default;

  static TypedValue boolean(bool value) { return {ValueType::Bool, value}; }
  static TypedValue integer(int64_t value) { return {ValueType::Int, value}; }
  static TypedValue real(double value) { return {ValueType::Float, value}; }
  static TypedValue text(std::string value) { return {ValueType::String, std::move(value)}; }
  static TypedValue duration(model::Duration value) { return {ValueType::Duration, int64_t{value.count()}}; }
  static TypedValue status(model::StatusCode code) { return {ValueType::Status, static_cast<int64_t>(code)}; }
  static TypedValue kind(model::SpanKind kind);
  // An attribute's: the type follows the value. Bytes and key-value lists are Opaque.
  static TypedValue of(const model::Value& value);
};

// Int, Float and Duration: they compare and calculate with each other, durations as their nanoseconds.
bool is_numeric(ValueType type);
// "a number", "a string": as error messages say it.
std::string_view to_string(ValueType type);

// ---- fields

// Where an attribute is looked up.
enum class Scope : uint8_t {
  Any,  // `.key`: the span, else its resource, else its instrumentation scope, else events, else links
  Span,
  Resource,
  Instrumentation,
  Event,  // of all events: a comparison holds where one event's does
  Link,   // of all links, likewise
  Tag,    // Jaeger's tags: the span, else its resource, else its scope, else events. No TraceQL text says this
};

// What is no attribute. The comment is the type, the name as printed, and other spellings.
enum class Intrinsic : uint8_t {
  None,                    // an attribute: FieldRef::scope and key say which
  Name,                    // String   name; span:name
  Status,                  // Status   status; span:status
  StatusMessage,           // String   statusMessage; span:statusMessage
  Kind,                    // Kind     kind; span:kind
  Duration,                // Duration duration; span:duration. Negative where clocks lie
  ChildCount,              // Int      span:childCount; childCount
  SpanId,                  // String   span:id, 16 lower-case hex digits
  ParentId,                // String   span:parentID; absent on roots
  Parent,                  // String   parent: as ParentId, so that `parent = nil` are the roots
  NestedSetLeft,           // Int      nestedSetLeft: from 1 on, one tree after the other
  NestedSetRight,          // Int      nestedSetRight
  NestedSetParent,         // Int      nestedSetParent: the parent's left; -1 of a root, 0 where the parent is missing
  TraceId,                 // String   trace:id, 32 lower-case hex digits
  TraceDuration,           // Duration traceDuration; trace:duration. Latest end minus earliest start
  RootName,                // String   rootName; trace:rootName. Absent where the trace has no root
  RootService,             // String   rootServiceName; trace:rootService. As `Service` of the root
  EventName,               // String   event:name, of all events
  EventTimeSinceStart,     // Duration event:timeSinceStart, of all events
  LinkSpanId,              // String   link:spanID, of all links
  LinkTraceId,             // String   link:traceID, of all links
  InstrumentationName,     // String   instrumentation:name; "" where unknown
  InstrumentationVersion,  // String   instrumentation:version
  Service,                 // String   Resource::service(): "unknown_service" where there is none. Not in TraceQL text
};

struct FieldRef {
  Intrinsic intrinsic = Intrinsic::None;
  Scope scope = Scope::Any;  // of attributes
  bool of_parent = false;    // `parent.…`: of the parent span in this trace; scopes Any, Span and Resource only
  std::string key;           // of attributes

  auto operator<=>(const FieldRef&) const = default;

  static FieldRef attribute(Scope scope, std::string key) { return {Intrinsic::None, scope, false, std::move(key)}; }
  static FieldRef of(Intrinsic intrinsic) { return {intrinsic, Scope::Any, false, {}}; }
};

// What every value of the field has; nothing for attributes.
std::optional<ValueType> type_of(const FieldRef& field);
// One value for the whole trace: TraceId, TraceDuration, RootName, RootService.
bool is_trace_level(const FieldRef& field);
// The field may have several values on one span: of events or links.
bool is_of_events_or_links(const FieldRef& field);
// Needs the tree of the spans: the nested sets, ChildCount, and what is of_parent.
bool needs_structure(const FieldRef& field);

// ---- expressions: what stands inside { }, by(), and aggregates

enum class Operator : uint8_t {
  And,
  Or,
  Not,  // unary
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Match,     // =~, the right side is a literal pattern (RE2), anchored at both ends
  NotMatch,  // !~
  Exists,    // unary: `x != nil`
  Absent,    // unary: `x = nil`
  Add,
  Subtract,
  Multiply,
  Divide,
  Modulo,
  Power,
  Negate,  // unary
};

// "&&", ">="; Exists and Absent are "!= nil" and "= nil".
std::string_view to_string(Operator op);
bool is_comparison(Operator op);  // Equal to NotMatch
bool is_arithmetic(Operator op);  // Add to Power
Operator flipped(Operator op);    // of a comparison, its sides exchanged: < becomes >

using NodeId = uint32_t;  // index into one of Query's vectors

enum class ExpressionKind : uint8_t { Literal, Field, Unary, Binary };

// What nodes mean (evaluate.h computes exactly this):
// - A span passes a filter where the root is true. An attribute in the place of a boolean (under && || !, or alone)
//   means `attribute = true`; `!attribute` means `attribute = false`.
// - && and || take whatever is not true for false. So `!(.a = 1)` holds where .a is absent.
// - A comparison holds as traceql::compare says (compare.h): never with an absent value, nor across types.
// - Of events and links, a comparison holds where that of one event (link) does. Elsewhere, in arithmetic, in by(), and
//   on the right side of another such field, their first value counts.
// - Arithmetic of two Ints is Int (wrapping), of anything else numeric Float, but durations stay Duration under
//   + and - with durations, * and / with plain numbers. Division by an Int zero, and what has an operand that is no
//   number, is Nil.
struct ExpressionNode {
  ExpressionKind kind = ExpressionKind::Literal;
  Operator op = Operator::And;  // of Unary and Binary
  // Of comparisons: by text, as Jaeger's tags are asked for. A String literal equals whatever has that text
  // (model::to_text; kind and status as their words), so "500" equals the integer 500. In order (< >=), a string
  // beside a number is read as a number and two strings go by their bytes.
  bool as_text = false;
  NodeId left = 0;   // Binary: the left side; Unary: the operand
  NodeId right = 0;  // Binary
  NodeId first = 0;  // the subtree is [first, this node]
  FieldRef field;
  TypedValue literal;

  bool operator==(const ExpressionNode&) const = default;
};

// ---- spansets: filters and what joins them

enum class SpansetOperator : uint8_t {
  And,         // &&: both sides found something; the result is what either found
  Or,          // ||: what either found
  Descendant,  // >>: those of the right that are below one of the left
  Child,       // >
  Ancestor,    // <<
  Parent,      // <
  Sibling,     // ~: another span with the same parent
};

// Of the five structural operators.
enum class SpansetMode : uint8_t {
  Plain,
  Negated,  // !>>: those of the right that have no such span on the left
  Union,    // &>>: the right ones, and their counterparts on the left
};

enum class SpansetKind : uint8_t { Filter, Operation, Pipeline };

struct SpansetNode {
  SpansetKind kind = SpansetKind::Filter;
  SpansetOperator op = SpansetOperator::And;  // of Operation
  SpansetMode mode = SpansetMode::Plain;
  NodeId expression = 0;  // Filter: the root in Query::expressions; `{ }` is the literal true
  NodeId left = 0;        // Operation: in Query::spansets
  NodeId right = 0;
  NodeId pipeline = 0;  // Pipeline in parentheses: in Query::pipelines, before the one that holds this
  NodeId first = 0;

  bool operator==(const SpansetNode&) const = default;
};

// "&>>"
std::string_view to_string(SpansetOperator op, SpansetMode mode);

// ---- scalars: aggregates of a spanset, compared

enum class Aggregate : uint8_t { Count, Avg, Min, Max, Sum };
std::string_view to_string(Aggregate aggregate);

enum class ScalarKind : uint8_t { Literal, Aggregate, Arithmetic, Pipeline };

struct ScalarNode {
  ScalarKind kind = ScalarKind::Literal;
  Operator op = Operator::Add;             // of Arithmetic
  Aggregate aggregate = Aggregate::Count;  // of Aggregate
  NodeId expression = 0;                   // what avg, min, max and sum are of; 0 for Count
  NodeId left = 0;                         // Arithmetic: in Query::scalars
  NodeId right = 0;
  NodeId pipeline = 0;  // Pipeline in parentheses that ends in an aggregate, `({ } | count())`
  NodeId first = 0;
  TypedValue literal;

  bool operator==(const ScalarNode&) const = default;
};

// ---- pipelines

enum class StageKind : uint8_t {
  Spansets,      // { } and its operators, applied to each incoming spanset
  ScalarFilter,  // count() > 2: keeps the spansets for which it holds
  By,            // groups each spanset by a value
  Coalesce,      // all spansets become one
  Select,        // names fields to be shown
  Scalar,        // an aggregate alone: the last stage of a pipeline that a ScalarNode refers to, nowhere else
};

struct Stage {
  StageKind kind = StageKind::Spansets;
  NodeId spansets = 0;             // Spansets: the root in Query::spansets
  Operator op = Operator::Equal;   // ScalarFilter: a comparison, no pattern
  NodeId left = 0;                 // ScalarFilter, Scalar: the root in Query::scalars
  NodeId right = 0;                // ScalarFilter
  NodeId expression = 0;           // By
  std::vector<FieldRef> selected;  // Select

  bool operator==(const Stage&) const = default;
};

struct Pipeline {
  std::vector<Stage> stages;  // never empty
  bool operator==(const Pipeline&) const = default;
};

// ---- metrics

enum class MetricsFunction : uint8_t {
  Rate,
  CountOverTime,
  MinOverTime,
  MaxOverTime,
  AvgOverTime,
  SumOverTime,
  QuantileOverTime,
  HistogramOverTime,
};
std::string_view to_string(MetricsFunction function);

enum class SecondStageKind : uint8_t { TopK, BottomK, Compare };

struct SecondStage {
  SecondStageKind kind = SecondStageKind::TopK;
  uint32_t limit = 0;            // of TopK and BottomK, not 0
  Operator op = Operator::Less;  // of Compare
  TypedValue threshold;          // of Compare: Int, Float or Duration

  bool operator==(const SecondStage&) const = default;
};

struct Metrics {
  MetricsFunction function = MetricsFunction::Rate;
  std::optional<FieldRef> field;  // not of Rate and CountOverTime
  std::vector<double> quantiles;  // of QuantileOverTime, in [0, 1]
  std::vector<FieldRef> by;
  std::vector<SecondStage> second_stages;

  bool operator==(const Metrics&) const = default;
};

// `with(most_recent=true)`: kept, and ignored by evaluators; the search is newest first anyway.
struct Hint {
  std::string name;
  TypedValue value;
  bool operator==(const Hint&) const = default;
};

struct Query {
  std::vector<ExpressionNode> expressions;
  std::vector<SpansetNode> spansets;
  std::vector<ScalarNode> scalars;
  std::vector<Pipeline> pipelines;  // the last is the query itself; those in parentheses come before
  std::optional<Metrics> metrics;   // applied to the spans that the last pipeline leaves
  std::vector<Hint> hints;

  // An empty query has no pipeline; it is not valid, and only default construction makes it.
  bool is_empty() const { return pipelines.empty(); }
  const Pipeline& main() const { return pipelines.back(); }
  bool operator==(const Query&) const = default;
};

}  // namespace backstitch::traceql
