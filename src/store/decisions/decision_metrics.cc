#include "store/decisions/decision_metrics.h"

namespace backstitch::store::decisions {

DecisionMetrics::DecisionMetrics(base::Metrics& metrics)
    : appended(metrics.counter("backstitch_decisions_appended", "Decisions and late spans taken")),
      repeats(metrics.counter("backstitch_decision_repeats", "Batches of decisions that were there already")),
      refused(metrics.counter("backstitch_decision_batches_refused",
                              "Batches of decisions refused because too many wait to be written")),
      reads_failed(metrics.counter("backstitch_decision_reads_failed",
                                   "Pages of decisions that could not be read, or were damaged")),
      removed(metrics.counter("backstitch_decisions_removed", "Decisions that retention removed")),
      merges(metrics.counter("backstitch_decision_merges", "Merges of runs of decisions")) {
  const auto gauge = [&](const char* name, const char* help, std::atomic<uint64_t> Gauges::* member) {
    metrics.gauge(name, help, [shown = gauges, member] { return static_cast<double>(((*shown).*member).load()); });
  };
  gauge("backstitch_decisions", "Decisions on disk", &Gauges::records);
  gauge("backstitch_decisions_pending", "Decisions in memory and log alone", &Gauges::pending);
  gauge("backstitch_decision_runs", "Files of decisions", &Gauges::runs);
  gauge("backstitch_decision_run_bytes", "Bytes of these files", &Gauges::disk_bytes);
  gauge("backstitch_decision_index_memory_bytes", "Memory of their indexes", &Gauges::index_bytes);
}

}  // namespace backstitch::store::decisions
