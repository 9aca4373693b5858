// One process life of `serve`'s path with policies: the real log, stores, ledger, decider and pipeline, as `app` wires
// them, without threads. It ends as a killed process does: nothing is flushed by hand.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/simulated_file_system.h"
#include "ingest/pipeline.h"
#include "store/contract/ledger_journal.h"
#include "store/embedded/embedded_store.h"

namespace backstitch::sim {

struct NodeOptions {
  sample::PolicySet policies;
  size_t shards = 1;
  assemble::AssembleOptions assemble;
  assemble::SealBudget seal_budget;
  uint32_t segment_bytes = 16 << 10;
  uint64_t decisions_flush_records = 1 << 16;
};

// What outlives a process.
struct World {
  explicit World(uint64_t seed) : disk(seed) {}

  base::SimulatedFileSystem disk;
  base::FakeClock clock;
};

class Node {
 public:
  // `pause`: what happens while the sealer waits to try again; false ends it. Fails as any part does that cannot start.
  static base::Result<std::unique_ptr<Node>> start(World& world, const NodeOptions& options,
                                                   std::function<bool(base::Duration)> pause);
  ~Node();

  ingest::Pipeline& pipeline() { return *pipeline_; }
  log::Log& log() { return *log_; }
  store::TraceStore& store() { return *store_; }
  store::DecisionStore& decisions() { return *decisions_; }
  ingest::SpanLedger& spans() { return *spans_; }
  // Of all shards.
  assemble::OpenCounts open();
  uint64_t counter(const char* name) { return metrics_.counter(name, "").value(); }

 private:
  explicit Node(World& world) : world_(world) {}
  base::Result<> open(const NodeOptions& options, std::function<bool(base::Duration)> pause);
  base::Result<> open_stores(const NodeOptions& options);

  World& world_;
  base::Metrics metrics_;
  base::Workers workers_{0};
  std::unique_ptr<store::TraceStore> store_;
  std::unique_ptr<store::LedgerJournal> span_journal_;
  std::unique_ptr<ingest::SpanLedger> spans_;
  std::unique_ptr<store::DecisionStore> decisions_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::LedgerJournal> budgets_;
  std::unique_ptr<ingest::Decider> decider_;
  std::unique_ptr<ingest::Pipeline> pipeline_;
};

}  // namespace backstitch::sim
