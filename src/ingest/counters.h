// What the path counts; every way a span can fail to arrive has a line here.
#pragma once

#include "base/counters.h"

namespace backstitch::ingest {

struct IngestCounters {
  explicit IngestCounters(base::Metrics& metrics)
      : requests(metrics.counter("backstitch_requests", "Export requests that came in")),
        spans(metrics.counter("backstitch_spans_received", "Spans acknowledged and logged")),
        spans_rejected(metrics.counter("backstitch_spans_rejected", "Spans refused by themselves, their request kept",
                                       {{"reason", "invalid"}})),
        refused_queue(refused(metrics, "queue_full")),
        refused_memory(refused(metrics, "memory")),
        refused_no_space(refused(metrics, "no_space")),
        refused_io(refused(metrics, "io")),
        refused_malformed(refused(metrics, "malformed")),
        refused_too_large(refused(metrics, "too_large")),
        refused_draining(refused(metrics, "draining")),
        values_masked(metrics.counter("backstitch_values_masked", "Attribute values masked by `redact`")),
        values_cut(
            metrics.counter("backstitch_values_cut", "Attribute values cut to limits.attribute_value_bytes_max")),
        attributes_dropped(
            metrics.counter("backstitch_attributes_dropped", "Attributes beyond limits.attributes_per_span_max")),
        traces_sealed(metrics.counter("backstitch_traces_sealed", "Trace fragments committed to the store")),
        spans_sealed(metrics.counter("backstitch_spans_sealed", "Spans committed to the store")),
        references_lost(
            metrics.counter("backstitch_references_lost", "Parts of traces that could not be read back from the log")),
        seal_failures(metrics.counter("backstitch_seal_failures", "Seal batches that failed and were tried again")),
        traces_unsealable(metrics.counter("backstitch_traces_unsealable",
                                          "Trace fragments that the store cannot take; their spans are lost")),
        maintenance_failures(metrics.counter("backstitch_store_maintenance_failures",
                                             "Steps of the store's background work that failed")),
        grace_cut(metrics.counter("backstitch_grace_cut",
                                  "Dropped traces that can be taken back no more, since memory or log were short")),
        traces_expired(metrics.counter("backstitch_traces_expired", "Traces removed by retention")) {}

  base::Counter& requests;
  base::Counter& spans;
  base::Counter& spans_rejected;
  base::Counter& refused_queue;
  base::Counter& refused_memory;
  base::Counter& refused_no_space;
  base::Counter& refused_io;
  base::Counter& refused_malformed;
  base::Counter& refused_too_large;
  base::Counter& refused_draining;
  base::Counter& values_masked;
  base::Counter& values_cut;
  base::Counter& attributes_dropped;
  base::Counter& traces_sealed;
  base::Counter& spans_sealed;
  base::Counter& references_lost;
  base::Counter& seal_failures;
  base::Counter& traces_unsealable;
  base::Counter& maintenance_failures;
  base::Counter& grace_cut;
  base::Counter& traces_expired;

 private:
  static base::Counter& refused(base::Metrics& metrics, const char* reason) {
    return metrics.counter("backstitch_requests_refused", "Export requests refused whole", {{"reason", reason}});
  }
};

}  // namespace backstitch::ingest
