#include "store/block/scan/scan_context.h"

namespace backstitch::store::block {

ScanMetrics::ScanMetrics(base::Metrics& metrics)
    : pages_read(metrics.counter("backstitch_scan_pages_read", "Pages of block columns read by searches")),
      bytes_read(metrics.counter("backstitch_scan_bytes_read", "Bytes of block columns read by searches")),
      groups_scanned(
          metrics.counter("backstitch_scan_groups", "Row groups of blocks by searches", {{"result", "scanned"}})),
      groups_pruned(
          metrics.counter("backstitch_scan_groups", "Row groups of blocks by searches", {{"result", "pruned"}})),
      traces_decoded(metrics.counter("backstitch_scan_traces_decoded", "Traces of blocks read whole by searches")),
      groups_corrupt(
          metrics.counter("backstitch_scan_groups", "Row groups of blocks by searches", {{"result", "corrupt"}})),
      bounded_by_bytes(metrics.counter("backstitch_scan_bounded", "Searches that a bound ended", {{"bound", "bytes"}})),
      bounded_by_time(metrics.counter("backstitch_scan_bounded", "Searches that a bound ended", {{"bound", "time"}})),
      cancelled(metrics.counter("backstitch_scan_bounded", "Searches that a bound ended", {{"bound", "cancelled"}})) {}

}  // namespace backstitch::store::block
