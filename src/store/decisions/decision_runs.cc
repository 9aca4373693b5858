#include "store/decisions/decision_runs.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <set>

#include "store/decisions/memtable.h"
#include "store/decisions/policy_sets.h"
#include "store/decisions/run_catalog.h"
#include "store/decisions/run_cursor.h"

namespace backstitch::store {
namespace decisions {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using model::TraceId;

// What /metrics shows, also after the store has ended.
struct Gauges {
  std::atomic<uint64_t> records, pending, runs, disk_bytes, index_bytes;
};

struct Counters {
  base::Counter& appended;
  base::Counter& repeats;
  base::Counter& refused;
  base::Counter& corrupt;
  base::Counter& removed;
  base::Counter& merges;

  explicit Counters(base::Metrics& metrics)
      : appended(metrics.counter("backstitch_decisions_appended", "Decisions and late spans taken")),
        repeats(metrics.counter("backstitch_decision_repeats", "Batches of decisions that were there already")),
        refused(metrics.counter("backstitch_decision_batches_refused",
                                "Batches of decisions refused because too many wait to be written")),
        corrupt(metrics.counter("backstitch_decision_reads_failed",
                                "Pages of decisions that could not be read, or were damaged")),
        removed(metrics.counter("backstitch_decisions_removed", "Decisions that retention removed")),
        merges(metrics.counter("backstitch_decision_merges", "Merges of runs of decisions")) {}
};

class DecisionRuns final : public DecisionStore {
 public:
  DecisionRuns(const DecisionRunOptions& options, const DecisionRunEnvironment& environment,
               std::unique_ptr<RunFiles> files, RunCatalog catalog, PolicySets policy_sets)
      : options_(options),
        clock_(environment.clock),
        counters_(environment.metrics),
        files_(std::move(files)),
        catalog_(std::move(catalog)),
        policy_sets_(std::move(policy_sets)),
        highest_sequence_(catalog_.durable_sequence()),
        active_(std::make_shared<Memtable>(highest_sequence_ + 1)) {
    assert(options.page_records > 0 && options.page_records <= kPageRecordsMax);
    show(environment.metrics);
    publish();
  }

  Result<> append(const model::DecisionBatch& batch, uint64_t sequence) override;
  uint64_t highest_sequence() const override {
    const std::scoped_lock lock(mutex_);
    return highest_sequence_;
  }
  uint64_t durable_sequence() const override {
    const std::scoped_lock lock(mutex_);
    return durable_sequence_;
  }
  Result<DecisionHistory> find(const TraceId& id) override;
  Result<DecisionList> list(const TraceId& after, uint32_t limit) override;
  Result<uint32_t> add_policy_set(const model::PolicySet& set) override {
    const std::scoped_lock lock(policy_mutex_);
    return policy_sets_.add(set);
  }
  Result<model::PolicySet> policy_set(uint32_t number) override {
    const std::scoped_lock lock(policy_mutex_);
    return policy_sets_.find(number);
  }
  Result<uint64_t> remove_decided_before(base::Timestamp decided) override;
  Result<uint64_t> remove_oldest() override;
  Result<bool> maintain(std::stop_token stop) override;
  Result<> flush() override;
  DecisionStats stats() const override;

 private:
  // What a question is asked of, as it was at one moment.
  struct Snapshot {
    std::shared_ptr<const Runs> runs;
    std::vector<DecisionRecord> recent;
  };

  void show(base::Metrics& metrics);
  bool is_flush_due() const;
  Result<> flush_memory();
  Result<bool> merge(const std::stop_token& stop);
  Result<> merge_into(base::File& file, const Runs& inputs, const std::stop_token& stop);
  Result<uint64_t> remove_run(size_t index);
  // The runs are what the catalog has now, and `flushing_` is among them where `is_flushed`.
  void publish(bool is_flushed = false);

  const DecisionRunOptions options_;
  const base::Clock& clock_;
  Counters counters_;
  const std::shared_ptr<Gauges> gauges_ = std::make_shared<Gauges>();

  std::mutex maintenance_mutex_;  // taken before mutex_
  // Guarded by maintenance_mutex_.
  const std::unique_ptr<RunFiles> files_;
  RunCatalog catalog_;
  std::set<std::string> unreadable_;  // runs with a page that cannot be read: merged no more

  mutable std::mutex policy_mutex_;
  PolicySets policy_sets_;  // guarded by policy_mutex_

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::shared_ptr<const Runs> runs_;
  uint64_t durable_sequence_ = 0;
  uint64_t highest_sequence_;
  std::shared_ptr<const Memtable> flushing_;  // on its way into a run; none while nothing is
  std::shared_ptr<Memtable> active_;
  base::Duration active_since_{0};  // the first batch of active_
};

void DecisionRuns::show(base::Metrics& metrics) {
  const auto gauge = [&](const char* name, const char* help, std::atomic<uint64_t> Gauges::* member) {
    metrics.gauge(name, help, [gauges = gauges_, member] { return static_cast<double>(((*gauges).*member).load()); });
  };
  gauge("backstitch_decisions", "Decisions on disk", &Gauges::records);
  gauge("backstitch_decisions_pending", "Decisions in memory and log alone", &Gauges::pending);
  gauge("backstitch_decision_runs", "Files of decisions", &Gauges::runs);
  gauge("backstitch_decision_run_bytes", "Bytes of these files", &Gauges::disk_bytes);
  gauge("backstitch_decision_index_memory_bytes", "Memory of their indexes", &Gauges::index_bytes);
}

void DecisionRuns::publish(bool is_flushed) {
  auto runs = std::make_shared<const Runs>(catalog_.runs());
  uint64_t records = 0;
  uint64_t index_bytes = 0;
  for (const auto& run : *runs) {
    records += run->summary().records;
    index_bytes += run->index_bytes();
  }
  gauges_->records = records;
  gauges_->index_bytes = index_bytes;
  gauges_->runs = runs->size();
  gauges_->disk_bytes = catalog_.disk_bytes();
  const std::scoped_lock lock(mutex_);
  runs_ = std::move(runs);
  durable_sequence_ = catalog_.durable_sequence();
  if (is_flushed) flushing_ = nullptr;
  gauges_->pending = active_->size() + (flushing_ == nullptr ? 0 : flushing_->size());
}

Result<> DecisionRuns::append(const model::DecisionBatch& batch, uint64_t sequence) {
  const size_t count = batch.decisions.size() + batch.late_spans.size();
  if (count == 0) return {};
  const std::scoped_lock lock(mutex_);
  if (sequence <= highest_sequence_) {
    counters_.repeats.add();
    return {};
  }
  if (active_->size() != 0 && active_->size() + count > options_.pending_max) {
    counters_.refused.add();
    return fail(Errc::Overloaded,
                fmt::format("{} decisions wait to be written; the limit is {}", active_->size(), options_.pending_max));
  }
  if (active_->size() == 0) active_since_ = clock_.monotonic();
  active_->add(batch, sequence);
  highest_sequence_ = sequence;
  counters_.appended.add(count);
  gauges_->pending = active_->size() + (flushing_ == nullptr ? 0 : flushing_->size());
  return {};
}

Result<DecisionHistory> DecisionRuns::find(const TraceId& id) {
  Snapshot at;
  {
    const std::scoped_lock lock(mutex_);
    at.runs = runs_;
    if (flushing_ != nullptr) flushing_->find(id, at.recent);
    active_->find(id, at.recent);
  }
  std::vector<DecisionRecord> records;
  std::optional<base::Error> error;
  for (const auto& run : *at.runs) {
    auto looked = run->find(id, records);
    if (looked) continue;
    counters_.corrupt.add();
    error = std::move(looked.error());
  }
  records.insert(records.end(), at.recent.begin(), at.recent.end());
  DecisionHistory history = to_history(std::move(records));
  if (error && history.decisions.empty()) return std::unexpected(std::move(*error));
  history.is_partial = history.is_partial || error;
  return history;
}

Result<DecisionList> DecisionRuns::list(const TraceId& after, uint32_t limit) {
  DecisionList list;
  std::vector<RunCursor> cursors;
  std::shared_ptr<const Runs> runs;
  std::vector<DecisionRecord> flushing;
  std::vector<DecisionRecord> active;
  {
    const std::scoped_lock lock(mutex_);
    runs = runs_;
    if (flushing_ != nullptr) flushing = flushing_->sorted(after);
    active = active_->sorted(after);
  }
  for (const auto& run : *runs) {
    cursors.emplace_back(run, after, [&](const base::Error&) {
      counters_.corrupt.add();
      return list.is_partial = true;
    });
  }
  cursors.emplace_back(std::move(flushing));
  cursors.emplace_back(std::move(active));
  RecordMerger merger(cursors);
  while (const auto record = merger.next()) {
    if (record->is_late_spans) continue;
    const bool is_new = list.decisions.empty() || list.decisions.back().id != record->decision.id;
    if (is_new && list.decisions.size() >= limit) return list;
    list.decisions.push_back(record->decision);
  }
  list.is_last = true;
  return list;
}

bool DecisionRuns::is_flush_due() const {
  const std::scoped_lock lock(mutex_);
  if (flushing_ != nullptr) return true;
  if (active_->size() == 0) return false;
  return active_->size() >= options_.flush_records || clock_.monotonic() - active_since_ >= options_.flush_age;
}

// What failed before comes first, as it was: its run may be in the directory already.
Result<> DecisionRuns::flush_memory() {
  std::shared_ptr<const Memtable> table;
  {
    const std::scoped_lock lock(mutex_);
    if (flushing_ == nullptr && active_->size() != 0) {
      flushing_ = active_;
      active_ = std::make_shared<Memtable>(flushing_->last_sequence() + 1);
    }
    table = flushing_;
  }
  if (table == nullptr) return {};
  const RunSummary summary = table->summary();
  auto run = catalog_.write({summary.first_sequence, summary.last_sequence}, [&](base::File& file) -> Result<> {
    RunWriter writer(file, options_.page_records);
    for (const DecisionRecord& record : table->sorted({})) {
      if (auto added = writer.add(record); !added) return added;
    }
    return writer.finish(summary);
  });
  if (!run) return std::unexpected(run.error());
  catalog_.push_back(std::move(*run));
  publish(true);
  return {};
}

Result<> DecisionRuns::flush() {
  const std::scoped_lock lock(maintenance_mutex_);
  const uint64_t wanted = highest_sequence();
  while (durable_sequence() < wanted) {
    if (auto flushed = flush_memory(); !flushed) return flushed;
  }
  return {};
}

Result<bool> DecisionRuns::maintain(std::stop_token stop) {
  const std::scoped_lock lock(maintenance_mutex_);
  if (stop.stop_requested()) return false;
  if (is_flush_due()) {
    if (auto flushed = flush_memory(); !flushed) return std::unexpected(flushed.error());
    return true;
  }
  if (auto settled = catalog_.settle(); !settled) return std::unexpected(settled.error());
  return merge(stop);
}

Result<bool> DecisionRuns::merge(const std::stop_token& stop) {
  std::vector<MergeCandidate> candidates;
  for (const auto& run : catalog_.runs()) {
    const RunSummary& summary = run->summary();
    candidates.push_back({summary.records, summary.oldest, summary.youngest, !unreadable_.contains(run->name())});
  }
  const MergeChoice choice = choose_merge(candidates, options_.merge);
  if (choice.count == 0) return false;
  const auto first = catalog_.runs().begin() + static_cast<std::ptrdiff_t>(choice.first);
  const Runs inputs(first, first + static_cast<std::ptrdiff_t>(choice.count));
  const SequenceRange range{inputs.front()->summary().first_sequence, inputs.back()->summary().last_sequence};
  auto run = catalog_.write(range, [&](base::File& file) { return merge_into(file, inputs, stop); });
  if (!run) {
    catalog_.disown(range);
    if (run.error().code == Errc::Cancelled) return false;
    if (run.error().code == Errc::Corrupt) return true;  // the others may be merged without it
    return std::unexpected(run.error());
  }
  catalog_.replace(choice.first, choice.count, std::move(*run));
  publish();
  counters_.merges.add();
  if (auto settled = catalog_.settle(); !settled) return std::unexpected(settled.error());
  return true;
}

Result<> DecisionRuns::merge_into(base::File& file, const Runs& inputs, const std::stop_token& stop) {
  constexpr uint64_t kRecordsBetweenChecks = 4096;
  std::optional<base::Error> error;
  std::vector<RunCursor> cursors;
  RunSummary summary{.first_sequence = inputs.front()->summary().first_sequence,
                     .last_sequence = inputs.back()->summary().last_sequence,
                     .oldest = {UINT64_MAX}};
  for (const auto& run : inputs) {
    summary.oldest = std::min(summary.oldest, run->summary().oldest);
    summary.youngest = std::max(summary.youngest, run->summary().youngest);
    cursors.emplace_back(run, TraceId(), [&, run](const base::Error& damage) {
      error = damage;
      if (damage.code == Errc::Corrupt) unreadable_.insert(run->name());
      return false;
    });
  }
  RecordMerger merger(cursors);
  RunWriter writer(file, options_.page_records);
  for (uint64_t count = 0; !error; ++count) {
    if (count % kRecordsBetweenChecks == 0 && stop.stop_requested()) return fail(Errc::Cancelled, "told to stop");
    const auto record = merger.next();
    if (error) break;
    if (!record) return writer.finish(summary);
    if (auto added = writer.add(*record); !added) return added;
  }
  counters_.corrupt.add();
  return std::unexpected(*error);
}

Result<uint64_t> DecisionRuns::remove_run(size_t index) {
  const uint64_t records = catalog_.runs()[index]->summary().records;
  unreadable_.erase(catalog_.runs()[index]->name());
  if (auto removed = catalog_.remove(index); !removed) return std::unexpected(removed.error());
  publish();
  counters_.removed.add(records);
  return records;
}

Result<uint64_t> DecisionRuns::remove_decided_before(base::Timestamp decided) {
  const std::scoped_lock lock(maintenance_mutex_);
  if (auto settled = catalog_.settle(); !settled) return std::unexpected(settled.error());
  uint64_t total = 0;
  for (size_t i = 0; i < catalog_.runs().size();) {
    if (catalog_.runs()[i]->summary().youngest >= decided) {
      ++i;
      continue;
    }
    const auto removed = remove_run(i);
    if (!removed) return removed;
    total += *removed;
  }
  return total;
}

Result<uint64_t> DecisionRuns::remove_oldest() {
  const std::scoped_lock lock(maintenance_mutex_);
  if (auto settled = catalog_.settle(); !settled) return std::unexpected(settled.error());
  const Runs& runs = catalog_.runs();
  const auto oldest = std::ranges::min_element(runs, {}, [](const auto& run) { return run->summary().youngest; });
  if (oldest == runs.end()) return 0;
  return remove_run(static_cast<size_t>(oldest - runs.begin()));
}

DecisionStats DecisionRuns::stats() const {
  DecisionStats stats{.records = gauges_->records,
                      .pending = gauges_->pending,
                      .runs = gauges_->runs,
                      .disk_bytes = gauges_->disk_bytes,
                      .index_bytes = gauges_->index_bytes};
  const std::scoped_lock lock(policy_mutex_);
  stats.policy_sets = policy_sets_.size();
  stats.disk_bytes += policy_sets_.disk_bytes();
  return stats;
}

}  // namespace
}  // namespace decisions

base::Result<std::unique_ptr<DecisionStore>> open_decision_runs(const DecisionRunOptions& options,
                                                                const DecisionRunEnvironment& environment) {
  auto files = decisions::RunFiles::open(environment.files, options.directory);
  if (!files) return std::unexpected(files.error());
  const auto found = (*files)->list();
  if (!found) return std::unexpected(found.error());
  auto catalog = decisions::RunCatalog::open(**files, found->runs, environment.metrics);
  if (!catalog) return std::unexpected(catalog.error());
  auto policy_sets = decisions::PolicySets::open(**files, *found, environment.metrics);
  if (!policy_sets) return std::unexpected(policy_sets.error());
  return std::make_unique<decisions::DecisionRuns>(options, environment, std::move(*files), std::move(*catalog),
                                                   std::move(*policy_sets));
}

}  // namespace backstitch::store
