// A value while an OTTL condition is evaluated, and what OTTL does with values: comparing them and calculating. The
// rules are those of pkg/ottl 0.161 (compare.go, expression.go), surprises included:
//   - different kinds compare as different, neither less nor greater; only integers and doubles compare as numbers;
//   - nil equals nil alone, is at most and at least itself, and an empty bytes value compares as nil;
//   - an id is no bytes value: trace_id == 0x… never holds, trace_id == TraceID(0x…) may.
#pragma once

#include <cstdint>
#include <expected>
#include <forward_list>
#include <string>
#include <string_view>

#include "model/value.h"
#include "sample/span_input.h"

namespace backstitch::sample {

struct OttlValue {
  enum class Kind : uint8_t { Nil, Bool, Int, Double, String, Bytes, TraceId, SpanId, Time, Duration, Array, Map };

  Kind kind = Kind::Nil;
  bool boolean = false;
  int64_t integer = 0;  // of Int; nanoseconds of Time (since the epoch) and Duration
  double real = 0;
  std::string_view text;                // of String, Bytes and the ids; borrowed
  const model::Value* whole = nullptr;  // of Array and Map, where it is known

  static OttlValue of_bool(bool value);
  static OttlValue of_int(int64_t value);
  static OttlValue of_double(double value);
  static OttlValue of_text(Kind kind, std::string_view text);
  static OttlValue of_nanos(Kind kind, int64_t nanos);
  // An absent attribute and an empty one are nil.
  static OttlValue of_view(const ValueView& view);
};

// Why a condition cannot be evaluated on a span. WrongKind is what IsString and its like turn into "false".
enum class OttlFailure : uint8_t {
  WrongKind,       // a converter got a kind of value that it does not take
  NotNumeric,      // arithmetic on what is no number
  DivisionByZero,  //
  NotConvertible,  // text that is no number, no duration, no id
  NotABoolean,     // a converter that stands for a condition gave no boolean
  NotFetched,      // the elements of a list or map, which are not at hand
};
template <typename T>
using OttlResult = std::expected<T, OttlFailure>;

// Texts that an evaluation makes live in here as long as it lasts.
using OttlTexts = std::forward_list<std::string>;

enum class OttlComparison : uint8_t { Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual };

// Fails only where two lists or two maps meet whose elements are not at hand.
OttlResult<bool> compare_ottl(const OttlValue& left, const OttlValue& right, OttlComparison comparison);

enum class OttlOperator : uint8_t { Add, Subtract, Multiply, Divide };

// Integers wrap around; dividing by zero fails, for doubles too.
OttlResult<OttlValue> calculate_ottl(const OttlValue& left, OttlOperator op, const OttlValue& right);
OttlResult<OttlValue> negate_ottl(const OttlValue& value);

}  // namespace backstitch::sample
