// Files that hold spans in one of OTLP's forms, told apart by their content: OTLP/JSON (one object, or one a line, as
// the Collector writes), an ExportTraceServiceRequest or TracesData in protobuf, or several of these each behind its
// length as a varint (`backstitch gen --out`).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/trace.h"

namespace backstitch::app {

// The spans as ExportTraceServiceRequests in protobuf of about `bytes_max` each; protobuf is cut between its
// ResourceSpans and not decoded, so fields unknown to this build survive. Malformed says where.
base::Result<std::vector<std::string>> split_requests(std::string_view content, size_t bytes_max);

// The one trace with `id` in `content`; the only trace there where `id` is not valid. NotFound; InvalidArgument lists
// ids where there are several and none was chosen.
base::Result<model::Trace> find_trace(std::string_view content, const model::TraceId& id);

}  // namespace backstitch::app
