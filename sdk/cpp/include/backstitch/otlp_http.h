// OTLP over HTTP: protobuf bodies, POSTed with libcurl. https://opentelemetry.io/docs/specs/otlp/#otlphttp
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backstitch/exporter.h"

namespace backstitch::sdk {

struct OtlpHttpOptions {
  std::string url = "http://localhost:4318/v1/traces";
  std::vector<std::pair<std::string, std::string>> headers;
  std::chrono::milliseconds timeout{10'000};  // of one attempt
  bool is_compressed = false;                 // gzip
  std::string ca_certificate_path;            // PEM; empty: the system's
};

// Redirects are not followed. Answers are read up to 64 KiB. Retry: no connection, 429, 502, 503 and 504. Null, and
// `problem` says why, for a URL or a header that cannot be used.
std::shared_ptr<SpanExporter> otlp_http_exporter(OtlpHttpOptions options, std::string* problem = nullptr);

}  // namespace backstitch::sdk
