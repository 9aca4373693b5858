#include "ingest/pipeline.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "ingest/counters.h"
#include "ingest/intake.h"
#include "ingest/keeper.h"
#include "ingest/memory_bound.h"
#include "ingest/retention.h"
#include "ingest/sealer.h"
#include "ingest/shard.h"

namespace backstitch::ingest {
namespace {

using assemble::Fragment;
using assemble::OpenTraces;

constexpr base::Duration kShardTick = std::chrono::milliseconds(20);
constexpr size_t kHandledAtOnce = 100;        // messages, before a shard looks what is due
constexpr size_t kGraceEndedAtOnce = 10'000;  // fragments, by a shard
constexpr size_t kGraceCutAtOnce = 500;       // likewise, where memory or log is short
constexpr base::Duration kHousekeeperTick = std::chrono::milliseconds(100);
// Merging takes a quarter of a core at most, and half of one where it does not get to the end of its work.
constexpr int kMergePauses = 3;  // for each unit of time that a step took
constexpr int kMergeStepsBehind = 8;
constexpr base::Duration kMergePauseMax = std::chrono::seconds(5);
constexpr base::Duration kMergeIdle = std::chrono::seconds(1);

PipelineOptions within_memory(PipelineOptions options) {
  uint64_t& batch = options.seal_budget.bytes_max;
  batch = std::min(batch, options.memory_bytes_max / kSealBatchDivisor);
  // A batch has one fragment at least.
  options.assemble.fragment_bytes_max = std::min(options.assemble.fragment_bytes_max, batch);
  return options;
}

class RealPipeline final : public Pipeline {
 public:
  RealPipeline(const base::Clock& clock, log::Log& log, store::TraceStore& store, base::Metrics& metrics,
               PipelineOptions options, ErrorLedger* errors, SdkLosses* losses, SpanLedger* spans, Decider* decider,
               Peers* peers)
      : clock_(clock),
        log_(log),
        store_(store),
        losses_(losses),
        decider_(decider),
        spans_(spans),
        options_(within_memory(std::move(options))),
        counters_(metrics),
        sealer_(clock, log, store, counters_, {options_.seal_budget, decider, errors, spans, options_.pause},
                [this](size_t shard, Sealer::Ended ended) { shards_[shard]->queue.push(std::move(ended), 0); }),
        keeper_(clock, log, decider, peers, shards_, metrics,
                [this](size_t shard, ShardMessage message) { post(*shards_[shard], std::move(message)); }),
        memory_(clock, {.bytes_max = options_.memory_bytes_max,
                        .resident_bytes = options_.resident_bytes,
                        .reusable_bytes = [this] { return sum(&Shard::reusable_bytes); },
                        .expected_bytes = [this] { return background_to_come(); },
                        .give_back_memory = options_.give_back_memory}) {
    assert(options_.shards > 0 && (options_.sampling != nullptr) == (decider != nullptr));
    for (size_t i = 0; i < options_.shards; ++i) shards_.push_back(std::make_unique<Shard>(options_, i));
    register_gauges(metrics);
  }

  // Seals nothing: what is open stays in the log. Each thread may wait for those that stop after it, never for those
  // before.
  ~RealPipeline() override {
    stop(merger_);
    stop(housekeeper_);
    sealer_.stop();
    for (const auto& shard : shards_) stop(shard->thread);
    if (decider_ != nullptr) decider_->checkpoint();
    if (spans_ != nullptr) (void)spans_->checkpoint(log_);  // else the next start counts again what it lacks
  }

  base::Result<> run() {
    std::vector<OpenTraces*> open;
    for (const auto& shard : shards_) open.push_back(&shard->open);
    auto replayed =
        replay(log_, store_, clock_, open, {.limits = options_.limits, .decider = decider_, .spans = spans_});
    if (!replayed) return std::unexpected(replayed.error());
    replayed_ = *replayed;
    keeper_.replayed(replayed_.note_numbers);
    for (const auto& shard : shards_) publish(*shard);
    if (!has_threads()) return {};
    for (const auto& shard : shards_) {
      shard->thread = std::jthread([this, &shard = *shard](std::stop_token token) { run_shard(shard, token); });
    }
    sealer_.start();
    housekeeper_ = std::jthread([this](std::stop_token token) { run_housekeeper(token); });
    merger_ = std::jthread([this](std::stop_token token) { run_merger(token); });
    return {};
  }

  base::Result<> check_ready() override { return check_ready(0); }

  base::Result<Received> receive_traces(std::string& request) override {
    auto intake = borrow_intake();
    auto received = receive(request, *intake);
    return_intake(std::move(intake));
    return received;
  }

  size_t shard_count() const override { return shards_.size(); }

  base::Result<> on_shard(size_t shard, const std::function<void(const OpenTraces&)>& look) override {
    std::promise<void> done;
    auto finished = done.get_future();
    post(*shards_[shard], Look{&look, &done});
    finished.wait();
    return {};
  }

  base::Result<> keep(const model::TraceId& id, model::DecisionCause cause) override { return keeper_.keep(id, cause); }
  base::Result<> take_notes(const model::PeerNotes& notes) override { return keeper_.take(notes); }
  base::Result<> members_changed() override { return keeper_.members_changed(); }

  base::Timestamp reopen_until(const model::TraceId& id) override {
    std::optional<base::Duration> left;
    const auto look = [&](const OpenTraces& open) { left = open.grace_left(id, clock_.monotonic()); };
    if (!on_shard(assemble::shard_of(id, shards_.size()), look) || !left) return {};
    return base::offset(clock_.now(), *left);
  }

  base::Result<> drain(base::Duration wait, bool decides) override {
    is_draining_ = true;
    if (decider_ != nullptr && !decides) return log_.sync();
    is_emptying_ = true;
    sealer_.hurry();
    std::unique_lock lock(wait_mutex_);
    const bool drained = emptied_.wait_for(lock, wait, [this] {
      return std::all_of(shards_.begin(), shards_.end(), [](const auto& shard) { return shard->is_empty.load(); });
    });
    lock.unlock();
    if (spans_ != nullptr) (void)spans_->checkpoint(log_);  // else the next start counts again what it lacks
    if (const auto synced = log_.sync(); !synced) return synced;
    if (!drained) return base::fail(base::Errc::Unavailable, "open traces remain in the log for the next start");
    return {};
  }

  const Replayed& replayed() const override { return replayed_; }

  void turn(Worker worker) override {
    if (worker == Worker::Shards) {
      for (const auto& shard : shards_) turn_shard(*shard, base::Duration(0));
    } else if (worker == Worker::Sealer) {
      sealer_.work();
    } else if (worker == Worker::Housekeeper) {
      keep_house();
    } else {
      (void)maintain({});
    }
  }

 private:
  bool has_threads() const { return options_.pause == nullptr; }
  static void stop(std::jthread& thread) {
    thread.request_stop();
    if (thread.joinable()) thread.join();
  }
  // True if it was ended by a stop.
  bool wait(const std::stop_token& token, base::Duration how_long) {
    std::unique_lock lock(wait_mutex_);
    stopped_.wait_for(lock, token, how_long, [] { return false; });
    return token.stop_requested();
  }

  // --- Callers' threads ---

  base::Result<> check_ready(uint64_t request_bytes) {
    if (is_draining_) return refuse(counters_.refused_draining, base::Errc::Unavailable, "shutting down");
    if (is_open_over_memory_ || !memory_.admits(request_bytes)) {
      return refuse(counters_.refused_memory, base::Errc::Overloaded, "the process is at its bound `memory`");
    }
    return {};
  }

  base::Result<Received> receive(std::string& request, Intake& intake) {
    if (const auto ready = check_ready(request.size()); !ready) return std::unexpected(ready.error());
    counters_.requests.add();
    const auto prepared = intake.prepare(request);
    if (!prepared) {
      (prepared.error().code == base::Errc::TooLarge ? counters_.refused_too_large : counters_.refused_malformed).add();
      return std::unexpected(prepared.error());
    }
    const Received received{prepared->walked.accepted_spans, prepared->walked.rejected_spans,
                            prepared->walked.first_rejection};
    if (received.accepted_spans != 0) {
      if (const auto logged = append(request, *prepared, intake); !logged) return std::unexpected(logged.error());
    }
    // Of requests without spans too: SDKs that have lost all send such.
    if (losses_ != nullptr && prepared->walked.tells_sdk_losses) losses_->read(intake.resources(), request);
    counters_.values_cut.add(prepared->cut.values_cut);
    counters_.attributes_dropped.add(prepared->cut.attributes_dropped);
    counters_.values_masked.add(prepared->walked.masked_values);
    counters_.spans_rejected.add(received.rejected_spans);
    counters_.spans.add(received.accepted_spans);
    return received;
  }

  base::Result<> append(const std::string& request, const Prepared& prepared, Intake& intake) {
    if (!fits_queues(intake)) {
      counters_.refused_too_large.add();
      return base::fail(base::Errc::TooLarge, "the request has more traces than a shard's queue can ever take");
    }
    if (!reserve(intake)) {
      counters_.refused_queue.add();
      return base::fail(base::Errc::Overloaded, "a shard's queue is full");
    }
    // Runs in the order of the sequences, once the record is as durable as it was asked to be.
    const auto push = [&](const log::Appended& at) {
      for (const auto& shard : shards_) {
        const size_t cost = intake.queue_cost(shard->index);
        if (cost == 0) continue;
        shard->is_empty = false;
        assemble::ShardRecord& record = intake.record(shard->index);
        shard->queue.push(assemble::ShardRecord{at, std::move(record.parts), std::move(record.features)}, cost);
      }
    };
    const log::RecordInfo info{.kind = log::RecordKind::Spans, .received = clock_.now()};
    log::RecordFacts facts = prepared.facts;
    SpanLedger::Entry entry;
    if (spans_ != nullptr) {
      entry = spans_->enter();
      ++facts.references;
    }
    const auto appended = log_.append(info, intake.digest_bytes(), request, facts, push);
    if (appended) {
      if (spans_ != nullptr) spans_->count(entry, *appended, intake.digest(), request);
      return {};
    }
    for (const auto& shard : shards_) shard->queue.release(intake.queue_cost(shard->index));
    (appended.error().code == base::Errc::NoSpace ? counters_.refused_no_space : counters_.refused_io).add();
    return std::unexpected(appended.error());
  }

  bool fits_queues(const Intake& intake) const {
    return std::all_of(shards_.begin(), shards_.end(),
                       [&](const auto& shard) { return intake.queue_cost(shard->index) <= shard->queue.capacity(); });
  }

  // Room in every shard's queue, or in none.
  bool reserve(const Intake& intake) {
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (shards_[i]->queue.try_reserve(intake.queue_cost(i))) continue;
      for (size_t k = 0; k < i; ++k) shards_[k]->queue.release(intake.queue_cost(k));
      return false;
    }
    return true;
  }

  std::unexpected<base::Error> refuse(base::Counter& counter, base::Errc code, const char* why) {
    counters_.requests.add();
    counter.add();
    return base::fail(code, why);
  }

  std::unique_ptr<Intake> borrow_intake() {
    const std::lock_guard lock(intakes_mutex_);
    if (intakes_.empty()) {
      return std::make_unique<Intake>(options_.plan, options_.limits, shards_.size(), options_.sampling);
    }
    auto intake = std::move(intakes_.back());
    intakes_.pop_back();
    return intake;
  }
  void return_intake(std::unique_ptr<Intake> intake) {
    if (intake->is_oversized()) return;
    const std::lock_guard lock(intakes_mutex_);
    intakes_.push_back(std::move(intake));
  }

  // --- A shard's thread ---

  void run_shard(Shard& shard, const std::stop_token& token) {
    while (!token.stop_requested()) turn_shard(shard, kShardTick);
  }

  void turn_shard(Shard& shard, base::Duration wait) {
    auto message = shard.queue.pop(wait);
    for (size_t i = 0; message && i < kHandledAtOnce; ++i) {
      handle(shard, std::move(*message));
      message = shard.queue.pop(base::Duration(0));
    }
    if (message) handle(shard, std::move(*message));
    seal_what_is_due(shard);
    if (decider_ != nullptr) end_grace(shard);
    publish(shard);
  }

  // Without threads whoever asks does the shard's work.
  void post(Shard& shard, ShardMessage message) {
    shard.queue.push(std::move(message), 0);
    if (has_threads()) return;
    while (auto next = shard.queue.pop(base::Duration(0))) handle(shard, std::move(*next));
  }

  void handle(Shard& shard, ShardMessage message) {
    if (const auto* record = std::get_if<assemble::ShardRecord>(&message)) {
      shard.open.add(*record, clock_.monotonic());
    } else if (const auto* look = std::get_if<Look>(&message)) {
      (*look->look)(shard.open);
      look->done->set_value();
    } else if (const auto* act = std::get_if<Act>(&message)) {
      (*act->act)(shard.open);
      act->done->set_value();
    } else {
      const auto& ended = std::get<Sealer::Ended>(message);
      shard.open.kept(ended.reopened);
      shard.open.dropped(ended.dropped, clock_.monotonic());
      shard.open.sealed(ended.sealed);
      if (ended.takes_more) shard.is_sealing = false;
    }
  }

  // One batch at a time: a trace's fragments reach the store in their order.
  void seal_what_is_due(Shard& shard) {
    if (shard.is_sealing) return;
    const auto budget = decider_ != nullptr ? job_budget(options_.seal_budget) : options_.seal_budget;
    auto fragments = is_emptying_ ? shard.open.take_all(budget) : shard.open.take_due(clock_.monotonic(), budget);
    if (fragments.empty()) return;
    shard.is_sealing = true;
    sealer_.add({shard.index, std::move(fragments)});
  }

  // What nobody asked back for goes with its place in the log; sooner where open traces need the memory.
  void end_grace(Shard& shard) {
    auto gone = shard.open.end_grace(clock_.monotonic(), kGraceEndedAtOnce);
    const auto counts = shard.open.counts();
    const bool is_memory_short =
        counts.memory_bytes - counts.reusable_bytes > options_.memory_bytes_max / kGraceDivisor / shards_.size();
    const bool is_log_full = log_.live_bytes() > options_.log_bytes_max / 4 * 3;
    if (gone.empty() && counts.grace_traces != 0 && (is_memory_short || is_log_full)) {
      gone = shard.open.cut_grace(kGraceCutAtOnce);
      counters_.grace_cut.add(gone.size());
    }
    if (!gone.empty()) release(log_, gone);
  }

  void publish(Shard& shard) {
    const auto counts = shard.open.counts();
    shard.open_traces.store(counts.traces, std::memory_order_relaxed);
    shard.open_spans.store(counts.spans, std::memory_order_relaxed);
    shard.grace_traces.store(counts.grace_traces, std::memory_order_relaxed);
    shard.grace_bytes.store(counts.grace_bytes, std::memory_order_relaxed);
    shard.memory_bytes.store(counts.memory_bytes, std::memory_order_relaxed);
    shard.reusable_bytes.store(counts.reusable_bytes, std::memory_order_relaxed);
    const bool is_empty = counts.traces == 0 && counts.taken == 0 && shard.queue.reserved() == 0;
    if (shard.is_empty.exchange(is_empty) != is_empty && is_empty) {
      const std::lock_guard lock(wait_mutex_);
      emptied_.notify_all();
    }
  }

  // --- The housekeeper's thread ---

  void run_housekeeper(const std::stop_token& token) {
    while (!wait(token, kHousekeeperTick)) keep_house();
  }

  void keep_house() {
    const base::Duration now = clock_.monotonic();
    memory_.relieve();
    measure_open();
    if (spans_ != nullptr) spans_->checkpoint_if_due(log_);
    if (options_.sync_interval.count() > 0 && now - synced_ >= options_.sync_interval) {
      (void)log_.sync();  // a failure is counted by the log, and tried again at the next turn
      synced_ = now;
    }
    if (now - retained_ >= options_.retention_interval) {
      enforce_retention(clock_, store_, decider_, options_, counters_);
      retained_ = now;
    }
    if (now - trimmed_ >= options_.log_trim_interval) {
      log_.trim();
      trimmed_ = now;
    }
  }

  // Sealing and merging must find their memory when they begin. What they take while they run is resident.
  uint64_t background_to_come() const {
    const uint64_t seal = options_.seal_budget.bytes_max * kSealCopies + kSealFixedBytes;
    return (sealer_.is_sealing() ? 0 : seal) + (is_maintaining_ ? 0 : options_.maintenance_bytes);
  }

  void measure_open() {
    const uint64_t reusable = sum(&Shard::reusable_bytes);
    is_open_over_memory_ = sum(&Shard::memory_bytes) >= options_.memory_bytes_max / kOpenDivisor + reusable;
  }

  // --- The merger's thread ---

  void run_merger(const std::stop_token& token) {
    options_.lower_priority();
    int steps = 0;  // since there was nothing to do
    base::Duration pause = kMergeIdle;
    while (!wait(token, pause)) {
      const base::Duration began = clock_.monotonic();
      const auto more = maintain(token);
      const base::Duration took = clock_.monotonic() - began;
      steps = more.value_or(false) ? steps + 1 : 0;
      pause = !more        ? kMergePauseMax
              : steps == 0 ? kMergeIdle
                           : std::min(took * (steps < kMergeStepsBehind ? kMergePauses : 1), kMergePauseMax);
    }
  }

  base::Result<bool> maintain(const std::stop_token& token) {
    if (decider_ != nullptr && !decider_->maintain(token)) counters_.maintenance_failures.add();
    is_maintaining_ = true;
    const auto more = store_.maintain(token);
    if (!more) counters_.maintenance_failures.add();
    if (more.value_or(true)) options_.give_back_memory();  // else what it took would count until the next time
    is_maintaining_ = false;
    return more;
  }

  // Over all shards.
  uint64_t sum(std::atomic<uint64_t> Shard::* member) const {
    uint64_t total = 0;
    for (const auto& shard : shards_) total += ((*shard).*member).load(std::memory_order_relaxed);
    return total;
  }

  void register_gauges(base::Metrics& metrics) {
    const auto shown = [this](std::atomic<uint64_t> Shard::* member) {
      return [this, member] { return static_cast<double>(sum(member)); };
    };
    metrics.gauge("backstitch_open_traces", "Traces that are still collecting", shown(&Shard::open_traces));
    metrics.gauge("backstitch_open_spans", "Spans of open traces", shown(&Shard::open_spans));
    metrics.gauge("backstitch_open_memory_bytes", "Memory of open traces", shown(&Shard::memory_bytes));
    metrics.gauge("backstitch_grace_traces", "Dropped traces that can be taken back", shown(&Shard::grace_traces));
    metrics.gauge("backstitch_grace_bytes", "Bytes of their spans in the log", shown(&Shard::grace_bytes));
    metrics.gauge("backstitch_resident_memory_bytes", "Resident memory of the process",
                  [this] { return static_cast<double>(options_.resident_bytes()); });
    metrics.gauge("backstitch_store_bytes", "Bytes of sealed traces on disk",
                  [this] { return static_cast<double>(store_.disk_bytes()); });
  }

  const base::Clock& clock_;
  log::Log& log_;
  store::TraceStore& store_;
  SdkLosses* const losses_;
  Decider* const decider_;
  SpanLedger* const spans_;
  const PipelineOptions options_;
  IngestCounters counters_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Sealer sealer_;
  Keeper keeper_;
  MemoryBound memory_;
  Replayed replayed_;
  // Of the housekeeper: when it did each last.
  base::Duration synced_ = clock_.monotonic();
  base::Duration retained_ = synced_;
  base::Duration trimmed_ = synced_;

  std::atomic<bool> is_draining_{false};
  std::atomic<bool> is_open_over_memory_{false};
  std::atomic<bool> is_emptying_{false};
  std::atomic<bool> is_maintaining_{false};

  std::mutex intakes_mutex_;
  std::vector<std::unique_ptr<Intake>> intakes_;

  std::mutex wait_mutex_;
  std::condition_variable emptied_;
  std::condition_variable_any stopped_;
  std::jthread housekeeper_;
  std::jthread merger_;
};

}  // namespace

base::Result<std::unique_ptr<Pipeline>> Pipeline::start(const base::Clock& clock, log::Log& log,
                                                        store::TraceStore& store, base::Metrics& metrics,
                                                        PipelineOptions options, ErrorLedger* errors, SdkLosses* losses,
                                                        SpanLedger* spans, Decider* decider, Peers* peers) {
  auto pipeline = std::make_unique<RealPipeline>(clock, log, store, metrics, std::move(options), errors, losses, spans,
                                                 decider, peers);
  if (const auto running = pipeline->run(); !running) return std::unexpected(running.error());
  return pipeline;
}

}  // namespace backstitch::ingest
