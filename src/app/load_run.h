// Generated load on its way: one thread makes requests, several send them, a report says what came of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "app/gen/generator.h"
#include "app/otlp_sender.h"

namespace backstitch::app {

struct LoadOptions {
  gen::GeneratorOptions generator;
  std::optional<OtlpTarget> target;  // or `out`
  std::string out;                   // file of requests, each behind its length as a varint
  OtlpSenderOptions sender;
  unsigned connections = 2;
  uint64_t traces_max = 0;      // 0: no bound
  uint64_t spans_max = 0;       // 0: no bound
  double spans_per_second = 0;  // 0: as fast as it can
  bool is_live = true;          // traces end now; otherwise their times follow generator.start
  std::string truth_file;
  std::string ack_file;
  bool show_progress = false;
};

struct LoadReport {
  uint64_t traces = 0;
  uint64_t spans = 0;
  uint64_t bytes = 0;     // of requests acknowledged or written
  uint64_t requests = 0;  // likewise
  uint64_t acknowledged_spans = 0;
  uint64_t rejected_spans = 0;  // by partial success
  uint64_t failed_spans = 0;    // in requests that were given up
  uint64_t retries = 0;
  base::Duration elapsed{};
  base::Duration latency_median{}, latency_p95{}, latency_p99{}, latency_max{};
  std::optional<base::Error> first_error;
  bool was_stopped = false;
};

// Blocks until all is sent or `stop` is set. Fails where a file cannot be written, or Unavailable if the target never
// answered.
base::Result<LoadReport> run_load(const LoadOptions& options, const base::Clock& clock, const std::atomic<bool>& stop);

// For people, several lines; and as JSON, one line.
std::string report_text(const LoadReport& report);
std::string report_json(const LoadReport& report);

}  // namespace backstitch::app
