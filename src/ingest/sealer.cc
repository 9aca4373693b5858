#include "ingest/sealer.h"

#include <algorithm>
#include <span>
#include <utility>

namespace backstitch::ingest {
namespace {

using assemble::Fragment;

// Between two tries; twice as long each time, since a backend may be away for hours.
constexpr base::Duration kRetryMin = std::chrono::milliseconds(250);
constexpr base::Duration kRetryMax = std::chrono::seconds(2);
constexpr base::Duration kTick = std::chrono::milliseconds(100);  // what is kept waits no finer

constexpr base::Duration kDecisionTick = std::chrono::seconds(1);  // as the Collector's
constexpr uint64_t kBlocksPerJob = 4;

// How many of the first of them a batch may hold; at least one, where there is one.
size_t fitting(std::span<const Fragment> fragments, const assemble::SealBudget& budget) {
  uint64_t spans = 0;
  uint64_t bytes = 0;
  size_t count = 0;
  for (; count < fragments.size(); ++count) {
    spans += fragments[count].span_count;
    bytes += fragments[count].span_bytes;
    if (count != 0 && (spans > budget.spans_max || bytes > budget.bytes_max)) break;
  }
  return count;
}

}  // namespace

assemble::SealBudget job_budget(const assemble::SealBudget& of_block) {
  return {.spans_max = of_block.spans_max * kBlocksPerJob,
          .bytes_max = of_block.bytes_max * kBlocksPerJob,
          .fragments_max = Decider::kDecidedAtOnce,
          .spans_min = of_block.spans_max * kBlocksPerJob,
          .wait_max = std::min(of_block.wait_max, kDecisionTick)};
}

Sealer::Sealer(const base::Clock& clock, log::Log& log, store::TraceStore& store, IngestCounters& counters,
               const Options& options, Tell tell)
    : clock_(clock), log_(log), store_(store), counters_(counters), options_(options), tell_(std::move(tell)) {}

Sealer::~Sealer() { stop(); }

void Sealer::start() {
  thread_ = std::jthread([this](std::stop_token token) { run(token); });
}

void Sealer::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Sealer::add(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void Sealer::run(const std::stop_token& token) {
  std::unique_lock lock(mutex_);
  while (!token.stop_requested()) {
    changed_.wait_for(lock, token, kTick, [this] { return !jobs_.empty(); });
    if (token.stop_requested()) return;
    std::deque<Job> jobs = std::exchange(jobs_, {});
    lock.unlock();
    if (!end_all(std::move(jobs), token)) return;
    lock.lock();
  }
}

bool Sealer::work() { return end_all(std::exchange(jobs_, {}), {}); }

bool Sealer::end_all(std::deque<Job> jobs, const std::stop_token& token) {
  is_sealing_ = true;
  for (Job& job : jobs) {
    if (!end(std::move(job), token)) return false;
  }
  if (!seal_what_waited(token)) return false;
  is_sealing_ = false;
  return true;
}

bool Sealer::end(Job job, const std::stop_token& token) {
  if (options_.decider != nullptr) return decide(std::move(job), token);
  DecidedBatch read;
  if (!until_done(token, [&] { return try_read(job.fragments, {}, read); })) return false;
  if (!seal_batch(job.shard, std::move(read.kept), token)) return false;
  tell_(job.shard, {.sealed = {}, .dropped = {}, .reopened = {}, .takes_more = true});
  return true;
}

bool Sealer::decide(Job job, const std::stop_token& token) {
  base::Result<Verdicts> verdicts;
  const bool voted = until_done(token, [&] {
    verdicts = options_.decider->vote(job.fragments);
    return verdicts.has_value();
  });
  if (!voted) return false;
  if (!until_done(token, [&] { return options_.decider->record(*verdicts).has_value(); })) return false;
  std::vector<Fragment> reopened;
  for (const Fragment& fragment : verdicts->kept) {
    if (fragment.was_dropped) reopened.push_back(fragment);
  }
  // Before any of them is sealed.
  if (!reopened.empty()) tell_(job.shard, {.sealed = {}, .dropped = {}, .reopened = std::move(reopened)});
  std::span<const Fragment> dropped = verdicts->dropped;
  std::span<const Fragment> kept = verdicts->kept;
  while (!kept.empty() || !dropped.empty()) {
    const auto part = kept.first(fitting(kept, options_.budget));
    DecidedBatch read;
    if (!until_done(token, [&] { return try_read(part, dropped, read); })) return false;
    // Who called whom counts whether it is kept or not.
    if (read.calls_of_dropped != nullptr) options_.spans->commit_dropped(*read.calls_of_dropped);
    if (!keep(job.shard, std::move(read.kept), token)) return false;
    kept = kept.subspan(part.size());
    dropped = {};
  }
  tell_(job.shard, {.sealed = {}, .dropped = std::move(verdicts->dropped), .reopened = {}, .takes_more = true});
  return true;
}

bool Sealer::try_read(std::span<const Fragment> kept, std::span<const Fragment> dropped, DecidedBatch& read) {
  auto batch = read_decided(log_, {kept.begin(), kept.end()}, dropped, options_.spans);
  if (!batch) return false;
  counters_.references_lost.add(batch->kept.lost_references);
  read = std::move(*batch);
  return true;
}

// No batch is larger than the budget allows.
bool Sealer::keep(size_t shard, SealBatch batch, const std::stop_token& token) {
  if (batch.fragments.empty()) return true;
  if (kept_.size() <= shard) kept_.resize(shard + 1);
  Kept& kept = kept_[shard];
  const bool fits = kept.batch.span_count + batch.span_count <= options_.budget.spans_max;
  if (!fits && !seal_kept(shard, token)) return false;
  // The bytes are bounded over all shards.
  uint64_t bytes = batch.span_bytes;
  for (const Kept& one : kept_) bytes += one.batch.span_bytes;
  for (size_t other = 0; bytes > options_.budget.bytes_max && other < kept_.size(); ++other) {
    bytes -= kept_[other].batch.span_bytes;
    if (!seal_kept(other, token)) return false;
  }
  if (kept.batch.fragments.empty()) kept.since = clock_.monotonic();
  kept.batch.add(std::move(batch), clock_.now());
  return true;
}

bool Sealer::seal_what_waited(const std::stop_token& token) {
  for (size_t shard = 0; shard < kept_.size(); ++shard) {
    const Kept& kept = kept_[shard];
    if (kept.batch.fragments.empty()) continue;
    const bool is_enough = kept.batch.span_count >= options_.budget.spans_min || is_hurried_;
    if (!is_enough && clock_.monotonic() - kept.since < options_.budget.wait_max) continue;
    if (!seal_kept(shard, token)) return false;
  }
  return true;
}

bool Sealer::seal_kept(size_t shard, const std::stop_token& token) {
  SealBatch batch = std::exchange(kept_[shard].batch, {});
  return batch.fragments.empty() || seal_batch(shard, std::move(batch), token);
}

bool Sealer::seal_batch(size_t shard, SealBatch batch, const std::stop_token& token) {
  const bool done = until_done(token, [&] {
    const auto sealed = seal(log_, store_, batch, clock_.now(), options_.errors, options_.spans);
    if (!sealed) return false;
    counters_.traces_sealed.add(sealed->traces);
    counters_.traces_unsealable.add(sealed->unsealable);
    counters_.spans_sealed.add(sealed->spans);
    return true;
  });
  if (!done) return false;
  if (options_.decider != nullptr) options_.decider->sealed(batch.fragments);
  tell_(shard, {.sealed = std::move(batch.fragments), .dropped = {}, .reopened = {}, .takes_more = false});
  return true;
}

bool Sealer::until_done(const std::stop_token& token, const std::function<bool()>& attempt) {
  for (base::Duration wait = kRetryMin; !attempt(); wait = std::min(wait * 2, kRetryMax)) {
    counters_.seal_failures.add();
    if (options_.pause) {
      if (!options_.pause(wait)) return false;
      continue;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, token, wait, [] { return false; });
    if (token.stop_requested()) return false;
  }
  return true;
}

}  // namespace backstitch::ingest
