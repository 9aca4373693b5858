// Open traces as a reader like any store: visible from their first span on.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "assemble/open_traces.h"
#include "base/counters.h"
#include "base/time.h"
#include "log/log.h"
#include "store/contract/trace_reader.h"

namespace backstitch::assemble {

// The way to shards that their owner threads offer. Thread-safe.
class ShardAccess {
 public:
  virtual ~ShardAccess() = default;
  virtual size_t shard_count() const = 0;
  // Runs `look` on the shard's owner thread and waits for it. Unavailable when the shard has stopped.
  virtual base::Result<> on_shard(size_t shard, const std::function<void(const OpenTraces&)>& look) = 0;
};

// Which shard owns a trace: by the low 64 bits, so that 64-bit ids meet their 128-bit twins.
inline size_t shard_of(const model::TraceId& id, size_t shard_count) {
  // The high half of a product with an odd constant: low bits of ids need not be random.
  return static_cast<size_t>((id.low64() * 0x9e3779b97f4a7c15ULL) >> 32) % shard_count;
}

struct OpenReaderOptions {
  // A search reads at most so much of the log, newest traces first; then its answer is partial.
  uint64_t open_scan_bytes_max = 256 << 20;  // search.open_scan_max
};

class OpenReader final : public store::TraceReader {
 public:
  // All outlive it.
  OpenReader(ShardAccess& shards, log::Log& log, const base::Clock& clock, base::Metrics& metrics,
             OpenReaderOptions options);

  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override;
  base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override;
  // Passes over what the shards know cannot match: by start, and by the services that the query requires. What is left
  // is read from the log and evaluated.
  base::Result<store::SearchResult> search(const store::TraceQuery& query) override;
  base::Result<store::MetricsResult> metrics(const store::MetricsQuery& query) override;
  // Names come from the newest traces that are open, read within the same bound.
  base::Result<std::vector<std::string>> services() override;
  base::Result<std::vector<store::Operation>> operations(const std::string& service) override;
  // None: attributes are learnt when traces are sealed.
  base::Result<std::vector<store::AttributeName>> attribute_names(uint32_t limit) override;
  base::Result<std::vector<std::string>> attribute_values(const store::AttributeName& name, uint32_t limit) override;
  // The log keeps nothing for good.
  base::Result<store::StoreStats> stats() override { return store::StoreStats(); }

 private:
  struct Newest {
    std::vector<Listed> traces;  // newest first, of all shards
    bool is_cut = false;         // there were more
  };
  // What one scan may cost, and how it ended.
  struct Scan {
    uint64_t bytes_max = UINT64_MAX;
    base::Duration deadline = base::Duration::max();  // by the monotonic clock
    std::stop_token stop = {};
    bool is_bounded = false;
  };
  // What a scan sees of one fragment, its spans each once. `ended` says after each group of fragments, which come
  // newest first, how far the scan has come: true ends it.
  struct Seen {
    std::function<void(const Fragment& fragment, model::Trace trace)> fragment;
    std::function<bool(const Listed& last)> ended = [](const Listed&) { return false; };
  };
  Scan within(const store::SearchBudget& budget) const;
  base::Result<Newest> newest(const store::TimeRange& start, uint64_t service_bits, size_t limit);
  using Traces = absl::flat_hash_map<model::TraceId, base::Result<model::Trace>>;
  base::Result<Traces> find_together(std::span<const model::TraceId> ids);
  base::Result<std::vector<Fragment>> fragments_of(std::span<const model::TraceId> of);
  base::Result<> scan(std::span<const Listed> traces, Scan& bounds, const Seen& see);
  base::Result<> scan_group(std::span<const Fragment> fragments, Scan& bounds, uint64_t& bytes_read, const Seen& see);

  ShardAccess& shards_;
  log::Log& log_;
  const base::Clock& clock_;
  const OpenReaderOptions options_;
  base::Counter& partial_scans_;
};

}  // namespace backstitch::assemble
