#include "ingest/sealer.h"

#include <optional>
#include <utility>

#include "assemble/fragment_reader.h"
#include "ingest/seal.h"

namespace backstitch::ingest {
namespace {

using assemble::Fragment;

constexpr base::Duration kRetry = std::chrono::milliseconds(250);
constexpr base::Duration kTick = std::chrono::milliseconds(100);  // what is kept waits no finer

}  // namespace

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
    for (Job& job : jobs) {
      if (!end(std::move(job), token)) return;
    }
    if (!seal_what_waited(token)) return;
    lock.lock();
  }
}

bool Sealer::end(Job job, const std::stop_token& token) {
  if (options_.decider != nullptr) return decide(std::move(job), token);
  if (!seal_all(job.fragments, token)) return false;
  tell_(job.shard, {.sealed = std::move(job.fragments), .dropped = {}, .reopened = {}, .takes_more = true});
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
  if (!until_done(token, [&] { return count_calls(verdicts->dropped).has_value(); })) return false;
  if (kept_.size() <= job.shard) kept_.resize(job.shard + 1);
  Kept& kept = kept_[job.shard];
  if (kept.fragments.empty()) kept.since = clock_.monotonic();
  std::vector<Fragment> reopened;
  for (Fragment& fragment : verdicts->kept) {
    if (fragment.was_dropped) reopened.push_back(fragment);
    kept.spans += fragment.span_count;
    kept.bytes += fragment.span_bytes;
    kept.fragments.push_back(std::move(fragment));
  }
  tell_(job.shard,
        {.sealed = {}, .dropped = std::move(verdicts->dropped), .reopened = std::move(reopened), .takes_more = true});
  return true;
}

// Who called whom counts whether it is kept or not; what comes out of grace has counted.
base::Result<> Sealer::count_calls(const std::vector<Fragment>& dropped) {
  if (options_.spans == nullptr) return {};
  std::vector<Fragment> anew;
  for (const Fragment& fragment : dropped) {
    if (!fragment.was_dropped) anew.push_back(fragment);
  }
  if (anew.empty()) return {};
  std::optional<DecidedTraces> decided;
  options_.spans->prepare(anew.size(), decided);
  const auto read =
      assemble::read_parts(log_, anew,
                           [&](size_t place, const model::RequestDigest& digest, const model::TraceDigest& trace,
                               std::string_view payload) { decided->add(place, digest, trace, payload, false); });
  if (!read) return std::unexpected(read.error());
  counters_.references_lost.add(read->lost_references);
  decided->finish();
  options_.spans->commit_dropped(*decided);
  return {};
}

bool Sealer::seal_what_waited(const std::stop_token& token) {
  for (size_t shard = 0; shard < kept_.size(); ++shard) {
    const Kept& kept = kept_[shard];
    if (kept.fragments.empty()) continue;
    const bool is_enough =
        kept.spans >= options_.budget.spans_min || kept.bytes >= options_.budget.bytes_max || is_hurried_;
    if (!is_enough && clock_.monotonic() - kept.since < options_.budget.wait_max) continue;
    if (!seal_kept(shard, token)) return false;
  }
  return true;
}

// In batches no larger than the budget allows.
bool Sealer::seal_kept(size_t shard, const std::stop_token& token) {
  const Kept kept = std::exchange(kept_[shard], {});
  std::vector<Fragment> batch;
  uint64_t spans = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < kept.fragments.size(); ++i) {
    spans += kept.fragments[i].span_count;
    bytes += kept.fragments[i].span_bytes;
    batch.push_back(kept.fragments[i]);
    if (spans < options_.budget.spans_max && bytes < options_.budget.bytes_max && i + 1 < kept.fragments.size())
      continue;
    if (!seal_all(batch, token)) return false;
    tell_(shard, {.sealed = std::exchange(batch, {}), .dropped = {}, .reopened = {}, .takes_more = false});
    spans = bytes = 0;
  }
  return true;
}

bool Sealer::seal_all(const std::vector<Fragment>& fragments, const std::stop_token& token) {
  return until_done(token, [&] {
    is_sealing_ = true;
    const auto sealed = try_seal(fragments);
    is_sealing_ = false;
    return sealed.has_value();
  });
}

base::Result<> Sealer::try_seal(const std::vector<Fragment>& fragments) {
  const auto sealed = seal(log_, store_, fragments, clock_.now(), options_.errors, options_.spans);
  if (!sealed) return std::unexpected(sealed.error());
  counters_.traces_sealed.add(sealed->traces);
  counters_.traces_unsealable.add(sealed->unsealable);
  counters_.spans_sealed.add(sealed->spans);
  counters_.references_lost.add(sealed->lost_references);
  return {};
}

bool Sealer::until_done(const std::stop_token& token, const std::function<bool()>& attempt) {
  while (!attempt()) {
    counters_.seal_failures.add();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, token, kRetry, [] { return false; });
    if (token.stop_requested()) return false;
  }
  return true;
}

}  // namespace backstitch::ingest
