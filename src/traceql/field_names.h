// How fields are written: the names of intrinsics and of scopes, for the parser and the printer.
#pragma once

#include <optional>
#include <string_view>

#include "traceql/query.h"

namespace backstitch::traceql {

// "duration", "span:duration", "trace:rootName"; nothing where no intrinsic has that name.
std::optional<Intrinsic> intrinsic_named(std::string_view name);
// The canonical name. `Service` is "service", which intrinsic_named does not know.
std::string_view name_of(Intrinsic intrinsic);

// "span.", "." for Any.
std::string_view prefix_of(Scope scope);
// The scope that a word before a '.' names: "span"; nothing for other words and for what no text can say.
std::optional<Scope> scope_named(std::string_view word);

// May stand in an attribute name without quotes.
bool is_attribute_char(char c);

}  // namespace backstitch::traceql
