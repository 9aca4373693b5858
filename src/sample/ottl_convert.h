// OTTL's converters, but for those that need more than their arguments: IsMatch (its pattern) and IsRootSpan (its
// span).
#pragma once

#include <cstddef>

#include "sample/ottl_tree.h"

namespace backstitch::sample {

// Converters of one argument ignore the second.
OttlResult<OttlValue> convert_ottl(OttlConverter converter, const OttlValue& first, const OttlValue& second,
                                   OttlTexts& texts);

// Whether a literal may stand as argument `index` at all: OTTL refuses IsString(5) before it sees a span.
bool takes_ottl_argument(OttlConverter converter, size_t index, const OttlValue& literal, OttlTexts& texts);

}  // namespace backstitch::sample
