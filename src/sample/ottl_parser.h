// OTTL condition text → tree, in the grammar of pkg/ottl 0.161:
//
//   attributes["http.route"] == "/cart" and (status.code == STATUS_CODE_ERROR or IsMatch(name, "^GET"))
//
// `not` binds tightest, then `and`, then `or`. A path alone is no condition: it is compared, `attributes["ok"] ==
// true`. Lambdas, list and map literals, whole attribute maps, keys inside of values and patterns that are no literal
// are refused by name; so are the converters that ottl_paths.cc lists.
#pragma once

#include <string_view>

#include "base/result.h"
#include "sample/ottl_tree.h"

namespace backstitch::sample {

// Of parentheses and calls in each other.
constexpr size_t kOttlNestingMax = 64;

// InvalidArgument, Unsupported or TooLarge with a message that begins with line and column: "1:14: …".
base::Result<OttlTree> parse_ottl(std::string_view text, OttlContext context);

}  // namespace backstitch::sample
