// Spans as one OTLP ExportTraceServiceRequest: the process's resource, then its spans by instrumentation scope.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backstitch/tracer_provider.h"
#include "src/drop_counts.h"
#include "src/recording.h"

namespace backstitch::sdk {

struct Resource {
  std::vector<std::pair<std::string, ResourceValue>> attributes;
  std::string schema_url;
};

// What stands in front of a batch's spans: the Resource message as it goes out, with backstitch.sdk.dropped.* for each
// reason whose count is not 0 (docs/spec/sdk-drops.md). Throws for memory.
std::string encode_resource(const Resource& resource, const DropSnapshot& dropped);
// An InstrumentationScope as it goes out. Throws for memory.
std::string encode_scope(std::string_view name, std::string_view version, Attributes attributes);

// Replaces `out`. Spans may be none: then the request tells of the resource alone. Throws for memory.
void encode_request(std::string_view resource, std::string_view schema_url, std::span<SpanRecording* const> spans,
                    std::string& out);

}  // namespace backstitch::sdk
