#include "store/decisions/decision_runs.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <set>

#include "store/decisions/decision_metrics.h"
#include "store/decisions/memtable.h"
#include "store/decisions/policy_sets.h"
#include "store/decisions/run_catalog.h"
#include "store/decisions/run_cursor.h"
#include "store/decisions/run_merge.h"

namespace backstitch::store {
namespace decisions {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using model::TraceId;

class DecisionRuns final : public DecisionStore {
 public:
  DecisionRuns(const DecisionRunOptions& options, const DecisionRunEnvironment& environment,
               std::unique_ptr<RunFiles> files, RunCatalog catalog, PolicySets policy_sets)
      : options_(options),
        clock_(environment.clock),
        metrics_(environment.metrics),
        files_(std::move(files)),
        catalog_(std::move(catalog)),
        policy_sets_(std::move(policy_sets)),
        highest_sequence_(catalog_.durable_sequence()),
        active_(std::make_shared<Memtable>(highest_sequence_ + 1)) {
    assert(options.page_records > 0 && options.page_records <= kPageRecordsMax);
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

  bool is_flush_due() const;
  Result<> flush_memory();
  Result<bool> merge(const std::stop_token& stop);
  Result<uint64_t> remove_run(size_t index);
  // The runs are what the catalog has now, and `flushing_` is among them where `is_flushed`.
  void publish(bool is_flushed = false);

  const DecisionRunOptions options_;
  const base::Clock& clock_;
  DecisionMetrics metrics_;

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

void DecisionRuns::publish(bool is_flushed) {
  auto runs = std::make_shared<const Runs>(catalog_.runs());
  uint64_t records = 0;
  uint64_t index_bytes = 0;
  for (const auto& run : *runs) {
    records += run->summary().records;
    index_bytes += run->index_bytes();
  }
  metrics_.gauges->records = records;
  metrics_.gauges->index_bytes = index_bytes;
  metrics_.gauges->runs = runs->size();
  metrics_.gauges->disk_bytes = catalog_.disk_bytes();
  const std::scoped_lock lock(mutex_);
  runs_ = std::move(runs);
  durable_sequence_ = catalog_.durable_sequence();
  if (is_flushed) flushing_ = nullptr;
  metrics_.gauges->pending = active_->size() + (flushing_ == nullptr ? 0 : flushing_->size());
}

Result<> DecisionRuns::append(const model::DecisionBatch& batch, uint64_t sequence) {
  const size_t count = batch.decisions.size() + batch.late_spans.size();
  if (count == 0) return {};
  const std::scoped_lock lock(mutex_);
  if (sequence <= highest_sequence_) {
    metrics_.repeats.add();
    return {};
  }
  if (active_->size() != 0 && active_->size() + count > options_.pending_max) {
    metrics_.refused.add();
    return fail(Errc::Overloaded,
                fmt::format("{} decisions wait to be written; the limit is {}", active_->size(), options_.pending_max));
  }
  if (active_->size() == 0) active_since_ = clock_.monotonic();
  active_->add(batch, sequence);
  highest_sequence_ = sequence;
  metrics_.appended.add(count);
  metrics_.gauges->pending = active_->size() + (flushing_ == nullptr ? 0 : flushing_->size());
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
    metrics_.reads_failed.add();
    error = std::move(looked.error());
  }
  records.insert(records.end(), at.recent.begin(), at.recent.end());
  DecisionHistory history = to_history(std::move(records));
  if (error && history.decisions.empty()) return std::unexpected(std::move(*error));
  history.is_partial = history.is_partial || error;
  history.may_read_later = error && error->code != Errc::Corrupt;
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
      metrics_.reads_failed.add();
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
  std::shared_ptr<const Run> unreadable;
  auto run = catalog_.write(
      range, [&](base::File& file) { return merge_runs(inputs, options_.page_records, stop, file, unreadable); });
  if (!run) {
    if (unreadable != nullptr) {
      metrics_.reads_failed.add();
      if (run.error().code == Errc::Corrupt) unreadable_.insert(unreadable->name());
    }
    catalog_.disown(range);
    if (run.error().code == Errc::Cancelled) return false;
    if (run.error().code == Errc::Corrupt && unreadable != nullptr) return true;  // the others may be merged without it
    return std::unexpected(run.error());
  }
  catalog_.replace(choice.first, choice.count, std::move(*run));
  publish();
  metrics_.merges.add();
  if (auto settled = catalog_.settle(); !settled) return std::unexpected(settled.error());
  return true;
}

Result<uint64_t> DecisionRuns::remove_run(size_t index) {
  const uint64_t records = catalog_.runs()[index]->summary().records;
  unreadable_.erase(catalog_.runs()[index]->name());
  if (auto removed = catalog_.remove(index); !removed) return std::unexpected(removed.error());
  publish();
  metrics_.removed.add(records);
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
  DecisionStats stats{.records = metrics_.gauges->records,
                      .pending = metrics_.gauges->pending,
                      .runs = metrics_.gauges->runs,
                      .disk_bytes = metrics_.gauges->disk_bytes,
                      .index_bytes = metrics_.gauges->index_bytes};
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
