// Regular expressions as the Collector's string_attribute has them: RE2 syntax (Go's), not anchored, one of several.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::sample {

constexpr size_t kPatternMemoryMax = 8 << 20;  // of one policy's expressions together

// A value; copies share the compiled form. Const calls are thread-safe.
class TextPattern {
 public:
  // InvalidArgument names the expression and what is wrong with it, or the limit. No expression matches nothing.
  static base::Result<TextPattern> compile(const std::vector<std::string>& expressions);
  // One of the expressions matches somewhere in `text`.
  bool is_found_in(std::string_view text) const;

 private:
  struct Compiled;
  // Shared: immutable and costly, and predicates are values.
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace backstitch::sample
