// One kind of OTTL value into another, as Go's strconv, time and encoding/json do it for pkg/ottl 0.161.
#pragma once

#include <string_view>

#include "sample/ottl_value.h"

namespace backstitch::sample {

// What the converters String, Int, Double and Bool make of any value; nil stays nil. Texts that are made live in
// `texts`.
OttlResult<OttlValue> to_ottl_string(const OttlValue& value, OttlTexts& texts);
OttlResult<OttlValue> to_ottl_int(const OttlValue& value);
OttlResult<OttlValue> to_ottl_double(const OttlValue& value);
OttlResult<OttlValue> to_ottl_bool(const OttlValue& value);

// As Go's time.ParseDuration reads it: "1.5h", "-2m3s", "0".
OttlResult<OttlValue> parse_go_duration(std::string_view text);

// Lower-case hexadecimal.
std::string hex_of(std::string_view bytes);

}  // namespace backstitch::sample
