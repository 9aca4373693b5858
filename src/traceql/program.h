// An expression as a list of steps over a stack of values: no recursion, whatever its depth, and && and || skip what
// cannot change them. Patterns are compiled here, once.
//
//   status = error && .a + 1 > 2
//     compare status; skip if not true; push .a; push 1; add; push 2; greater; to boolean
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "traceql/compare.h"
#include "traceql/field_values.h"
#include "traceql/query.h"

namespace backstitch::traceql {

// A value. Const calls are thread-safe.
class Program {
 public:
  // Of the subtree with that root. `as_filter`: its value is wanted as a boolean, so a field alone means `field =
  // true`.
  Program(const Query& query, NodeId root, bool as_filter);

  // True, and nothing else: what a filter asks.
  bool is_true(const TraceContext& context, uint32_t span) const;
  TypedValue evaluate(const TraceContext& context, uint32_t span) const;

 private:
  enum class StepKind : uint8_t {
    Literal,        // push
    Field,          // push the first value
    TestField,      // push whether the comparison with a literal holds for one value of the field
    CompareFields,  // push whether it holds between one value of `field` and the first of `other`
    Compare,        // two values become a boolean
    Calculate,      // two values become one
    Not,
    Negate,
    TestNil,      // Exists and Absent of a computed value
    SkipIfFalse,  // && : leave the false on the stack and go on at `target`; a true is taken off
    SkipIfTrue,   // ||
    ToBool,       // whatever is not true becomes false
  };
  struct Step {
    StepKind kind = StepKind::Literal;
    Operator op = Operator::And;
    uint32_t target = 0;
    FieldRef field;
    FieldRef other;
    TypedValue literal;
    std::optional<LiteralComparison> comparison;
  };
  using Stack = std::vector<TypedValue>;

  class Compiler;
  bool test(const Step& step, const TraceContext& context, uint32_t span) const;
  void run(const Step& step, const TraceContext& context, uint32_t span, Stack& stack) const;

  std::vector<Step> steps_;
};

}  // namespace backstitch::traceql
