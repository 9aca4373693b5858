// Attributes and their values inside messages between nodes: as OTLP writes them, which loses nothing. Private to
// store/remote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/trace.h"

namespace backstitch::store::remote {

// A TracesData whose spans, in their order, hold the spans' ids, names, times and attributes.
std::string encode_spans(std::vector<model::Span> spans);
base::Result<std::vector<model::Span>> decode_spans(std::string_view otlp);

// The same of one span that has nothing else.
std::string encode_attributes(model::Attributes attributes);
base::Result<model::Attributes> decode_attributes(std::string_view otlp);

}  // namespace backstitch::store::remote
