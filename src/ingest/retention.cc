#include "ingest/retention.h"

namespace backstitch::ingest {
namespace {

constexpr uint32_t kRemovedAtOnce = 5'000;  // fragments
constexpr base::Duration kTurn = std::chrono::milliseconds(300);

}  // namespace

void enforce_retention(const base::Clock& clock, store::TraceStore& store, Decider* decider,
                       const PipelineOptions& options, IngestCounters& counters) {
  if (decider != nullptr) {
    decider->enforce_retention(base::offset(clock.now(), -options.decisions_retention), options.decisions_bytes_max);
  }
  const base::Duration until = clock.monotonic() + kTurn;
  const base::Timestamp oldest_kept = base::offset(clock.now(), -options.retention_age);
  const auto remove = [&] {
    // Only where it helps: what others keep on the disk is not made up for with traces.
    const uint64_t excess = options.disk_bytes_beyond(options.retention_disk_share);
    if (excess != 0 && excess < store.disk_bytes()) return store.remove_oldest(kRemovedAtOnce);
    return store.remove_sealed_before(oldest_kept, kRemovedAtOnce);
  };
  base::Result<uint64_t> removed = kRemovedAtOnce;
  while (removed && *removed >= kRemovedAtOnce && clock.monotonic() < until) {
    removed = remove();
    if (removed) counters.traces_expired.add(*removed);
  }
}

}  // namespace backstitch::ingest
