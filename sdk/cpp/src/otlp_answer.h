// What an OTLP/HTTP server answers, and what follows for the request.
#pragma once

#include <chrono>
#include <string_view>

#include "backstitch/exporter.h"

namespace backstitch::sdk {

// `body` is an ExportTraceServiceResponse where the status is 200; one that cannot be read says nothing.
ExportResult read_answer(int http_status, std::chrono::seconds retry_after, std::string_view body);

}  // namespace backstitch::sdk
