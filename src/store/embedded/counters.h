// What the store tells /metrics.
#pragma once

#include "base/counters.h"

namespace backstitch::store::embedded {

struct Counters {
  explicit Counters(base::Metrics& metrics)
      : fragments(metrics.counter("backstitch_store_fragments_appended", "Trace fragments written")),
        raw_bytes(metrics.counter("backstitch_store_bytes_appended", "Bytes of OTLP that came to be stored")),
        stored_bytes(metrics.counter("backstitch_store_compressed_bytes_appended", "Bytes that they became")),
        failed(metrics.counter("backstitch_store_appends_failed", "Batches that were not written")),
        removed(metrics.counter("backstitch_store_fragments_removed", "Fragments removed by retention")),
        corrupt(metrics.counter("backstitch_store_corrupt", "Reads of a row or fragment that cannot be read back")),
        partial(metrics.counter("backstitch_store_searches_partial", "Searches that scan_bytes_max ended early")) {}
  base::Counter& fragments;
  base::Counter& raw_bytes;
  base::Counter& stored_bytes;
  base::Counter& failed;
  base::Counter& removed;
  base::Counter& corrupt;
  base::Counter& partial;
};

}  // namespace backstitch::store::embedded
