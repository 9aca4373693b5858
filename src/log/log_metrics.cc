#include "log/log_metrics.h"

#include <string>

namespace backstitch::log {
namespace {

base::Counter& refused_counter(base::Metrics& metrics, const std::string& reason) {
  return metrics.counter("backstitch_log_refused", "Records that could not be appended", {{"reason", reason}});
}

}  // namespace

LogMetrics::LogMetrics(base::Metrics& metrics)
    : records(metrics.counter("backstitch_log_records", "Records appended")),
      bytes(metrics.counter("backstitch_log_bytes", "Bytes of appended records, headers and digests included")),
      corrupt_records(metrics.counter("backstitch_log_corrupt_records", "Damaged records skipped by a replay")),
      corrupt_reads(metrics.counter("backstitch_log_corrupt_reads", "Reads of a record that failed its checksum")),
      torn_bytes(metrics.counter("backstitch_log_torn_bytes", "Bytes behind the last whole record at a restart")),
      damaged_segments(metrics.counter("backstitch_log_damaged_segments", "Segments set aside for their header")),
      syncs(metrics.counter("backstitch_log_syncs", "Times that appended records were forced to the disk")),
      sync_failures(metrics.counter("backstitch_log_sync_failures", "Times that forcing records to the disk failed")),
      file_failures(metrics.counter("backstitch_log_file_failures", "Segment files that could not be recycled")),
      refused_no_space(refused_counter(metrics, "no_space")),
      refused_io(refused_counter(metrics, "io")),
      refused_too_large(refused_counter(metrics, "too_large")),
      refused_other(refused_counter(metrics, "other")),
      gauges(std::make_shared<Gauges>()) {
  const auto show = [&](const std::string& name, const std::string& help, std::atomic<uint64_t> Gauges::* value) {
    metrics.gauge(name, help, [all = gauges, value] { return static_cast<double>(((*all).*value).load()); });
  };
  show("backstitch_log_live_bytes", "Bytes of records in live segments", &Gauges::live_bytes);
  show("backstitch_log_segments", "Live segments", &Gauges::live_segments);
  show("backstitch_log_free_segments", "Segment files that wait for reuse", &Gauges::free_segments);
}

base::Counter& LogMetrics::refused(const base::Error& error) {
  switch (error.code) {
    case base::Errc::NoSpace:
      return refused_no_space;
    case base::Errc::Io:
      return refused_io;
    case base::Errc::TooLarge:
      return refused_too_large;
    default:
      return refused_other;
  }
}

}  // namespace backstitch::log
