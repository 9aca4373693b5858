// When does `left op right` hold? Both evaluators, the plain one and the one over columns, ask here, so they cannot
// differ.
//
// Numbers (Int, Float, Duration) compare as numbers, exactly: 2^53 + 1 differs from the double 2^53. Strings compare
// by their bytes. Booleans, statuses and kinds are equal or not, and have no order. Across types, with Nil and with
// Opaque nothing holds, != included. An array beside a single value: = < <= > >= =~ hold where they hold for one
// element, != and !~ where they hold for every element (so for an empty one). Two arrays: nothing holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "model/value.h"
#include "traceql/query.h"

namespace backstitch::traceql {

constexpr size_t kPatternBytesMax = 4096;
constexpr size_t kPatternMemoryMax = 1 << 20;  // of one compiled pattern

// Equal to GreaterEqual; a pattern needs its compiled form, below.
bool compare(Operator op, const TypedValue& left, const TypedValue& right);

// RE2 syntax; anchored at both ends. Copies share the compiled form. Const calls are thread-safe.
class Pattern {
 public:
  // InvalidArgument says what is wrong with it: syntax, or one of the two limits.
  static base::Result<Pattern> compile(std::string_view text);
  bool matches(std::string_view text) const;

 private:
  struct Compiled;
  // Shared: a pattern is immutable and costly, and comparisons are values.
  std::shared_ptr<const Compiled> compiled_;
};

// `value op literal`, with the literal prepared once and then held against many values: dictionary entries of a
// column, or the attributes of a trace's spans. A value. Const calls are thread-safe.
class LiteralComparison {
 public:
  // `op` is Equal to NotMatch, Exists or Absent (the literal is ignored for these two). A pattern that does not compile
  // matches nothing under both operators; parse() makes none. With `as_text`: see ExpressionNode.
  LiteralComparison(Operator op, TypedValue literal, bool as_text = false);
  // Of a comparison node, Binary or Unary Exists and Absent, whose right side is a literal.
  static LiteralComparison of(const Query& query, const ExpressionNode& node);

  // An attribute's value. An empty one counts as absent.
  bool holds(const model::Value& value) const;
  bool holds(const TypedValue& value) const;
  // The same for values that columns hold without their wrapping.
  bool holds_string(std::string_view text) const;
  bool holds_bool(bool value) const;
  bool holds_int(int64_t value) const;
  bool holds_double(double value) const;
  bool holds_duration(int64_t nanos) const;
  bool holds_status(model::StatusCode code) const;
  bool holds_kind(model::SpanKind kind) const;
  // Where the span has no such value: `= nil` alone.
  bool holds_absent() const { return op_ == Operator::Absent; }

  Operator op() const { return op_; }
  const TypedValue& literal() const { return literal_; }
  bool is_as_text() const { return as_text_; }

 private:
  bool holds_as_text(const model::Value& value) const;
  bool holds_element(const model::Value& value) const;
  bool holds_number(long double number) const;

  Operator op_;
  TypedValue literal_;
  bool as_text_;
  std::shared_ptr<const Pattern> pattern_;  // of Match and NotMatch
};

}  // namespace backstitch::traceql
