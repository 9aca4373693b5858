// An attribute's value, read once where it lies and borrowed: text is not copied, arrays and key-value lists are not
// looked into.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/value.h"

namespace backstitch::model {

struct ValueView {
  enum class Kind : uint8_t { Absent, Empty, String, Bool, Int, Double, Bytes, Array, KeyValues };

  Kind kind = Kind::Absent;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string_view text;         // of String and Bytes
  const Value* whole = nullptr;  // of Array and KeyValues, where whoever made the view has it

  bool is_present() const { return kind != Kind::Absent; }
};

// `value` is borrowed; nullptr is Absent.
ValueView view_of(const Value* value);

}  // namespace backstitch::model
