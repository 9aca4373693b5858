#include "sim/node.h"

#include <algorithm>
#include <utility>

#include "ingest/span_features.h"
#include "store/decisions/decision_runs.h"
#include "store/embedded/ledger_file.h"

namespace backstitch::sim {
namespace {

constexpr base::Duration kForever = std::chrono::hours(24 * 365 * 10);

}  // namespace

base::Result<std::unique_ptr<Node>> Node::start(World& world, const NodeOptions& options,
                                                std::function<bool(base::Duration)> pause) {
  std::unique_ptr<Node> node(new Node(world));
  if (const auto opened = node->open(options, std::move(pause)); !opened) return std::unexpected(opened.error());
  return node;
}

Node::~Node() = default;

base::Result<> Node::open_stores(const NodeOptions& options) {
  auto store = store::open_embedded_store({.directory = "data/store"}, {world_.disk, world_.clock, workers_, metrics_});
  if (!store) return std::unexpected(store.error());
  store_ = std::move(*store);
  auto journal = store::open_ledger_journal(world_.disk, "data/ledger", "spans");
  if (!journal) return std::unexpected(journal.error());
  span_journal_ = std::move(*journal);
  auto spans = ingest::SpanLedger::open(*span_journal_,
                                        [this](const model::TraceId& id) { return store_->covered_sequence(id); },
                                        world_.clock, metrics_, {.bounds = {}, .idle_max = kForever});
  if (!spans) return std::unexpected(spans.error());
  spans_ = std::move(*spans);
  auto decisions = store::open_decision_runs(
      {.directory = "data/decisions", .flush_records = options.decisions_flush_records, .merge = {}},
      {world_.disk, world_.clock, metrics_});
  if (!decisions) return std::unexpected(decisions.error());
  decisions_ = std::move(*decisions);
  return {};
}

base::Result<> Node::open(const NodeOptions& options, std::function<bool(base::Duration)> pause) {
  if (auto made = world_.disk.create_directories("data"); !made) return made;
  if (auto opened = open_stores(options); !opened) return opened;
  const auto stored = store_->highest_sequence();
  if (!stored) return std::unexpected(stored.error());
  auto log = log::Log::open(
      world_.disk, world_.clock, metrics_,
      {.directory = "data/log",
       .segment_bytes = options.segment_bytes,
       .free_bytes_min = 0,
       .sequence_after = std::max({*stored, spans_->included_sequence(), decisions_->highest_sequence()})});
  if (!log) return std::unexpected(log.error());
  log_ = std::move(*log);
  const auto plan = sample::Plan::compile(options.policies);
  if (!plan) return std::unexpected(plan.error());
  auto budgets = store::open_ledger_journal(world_.disk, "data/ledger", "sampler");
  if (!budgets) return std::unexpected(budgets.error());
  budgets_ = std::move(*budgets);
  auto decider = ingest::Decider::open(world_.clock, *log_, *decisions_, *plan, metrics_, {.budgets = budgets_.get()});
  if (!decider) return std::unexpected(decider.error());
  decider_ = std::move(*decider);
  const ingest::PipelineOptions of_path{.shards = options.shards,
                                        .assemble = options.assemble,
                                        .plan = ingest::feature_plan_of(**plan, {}),
                                        .sampling = *plan,
                                        .limits = {},
                                        .seal_budget = options.seal_budget,
                                        .sync_interval = std::chrono::seconds(1),
                                        .retention_age = kForever,
                                        .decisions_retention = kForever,
                                        .pause = std::move(pause)};
  auto pipeline = ingest::Pipeline::start(world_.clock, *log_, *store_, metrics_, of_path, nullptr, nullptr,
                                          spans_.get(), decider_.get());
  if (!pipeline) return std::unexpected(pipeline.error());
  pipeline_ = std::move(*pipeline);
  return {};
}

assemble::OpenCounts Node::open() {
  assemble::OpenCounts sum;
  for (size_t shard = 0; shard < pipeline_->shard_count(); ++shard) {
    (void)pipeline_->on_shard(shard, [&](const assemble::OpenTraces& open) {
      const auto counts = open.counts();
      sum.traces += counts.traces;
      sum.spans += counts.spans;
      sum.taken += counts.taken;
      sum.grace_traces += counts.grace_traces;
      sum.grace_bytes += counts.grace_bytes;
    });
  }
  return sum;
}

}  // namespace backstitch::sim
