// Parts of the OTLP encoder that stand alone; the whole is encode_request() in decode.h.
#pragma once

#include <string>

#include "model/trace.h"

namespace backstitch::wire::otlp {

// Bytes that are equal for equal resources and scopes, schema URL included, and for no others.
std::string identity_of(const model::Resource& resource);
std::string identity_of(const model::Scope& scope);

}  // namespace backstitch::wire::otlp
