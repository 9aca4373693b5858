#include "ingest/seal.h"

#include <gtest/gtest.h>
#include <map>
#include <set>

#include "base/counters.h"
#include "base/simulated_file_system.h"
#include "ingest/intake.h"
#include "store/embedded/ledger_file.h"

// The path from request to store, driven step by step on one thread over a simulated disk, and stopped at every
// call that the disk sees. What must hold afterwards: each acknowledged span is in the store exactly once, and the
// ledger of errors counts each stored failure exactly once, and the ledger of spans each span and call exactly once.

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;
using SpanKey = std::pair<model::TraceId, model::SpanId>;

// A store that survives every crash, as a real one does once append returned, and that can crash itself: before or
// after it committed.
class CrashingStore final : public store::TraceStore {
 public:
  enum class Crash { Never, BeforeCommit, AfterCommit };

  base::Result<> append(std::span<const store::SealedTrace> batch) override {
    const bool is_last = --appends_left == 0;
    if (is_last && crash == Crash::BeforeCommit) return base::fail(base::Errc::Io, "crashed before the commit");
    for (const store::SealedTrace& one : batch) {
      if (one.id == poison) return base::fail(base::Errc::Malformed, "will never do");
    }
    for (const store::SealedTrace& one : batch) {
      const auto trace = wire::otlp::decode_trace(one.id, one.otlp);
      EXPECT_TRUE(trace);
      std::vector<model::SpanId> spans;
      for (const model::Span& span : trace->spans) {
        spans.push_back(span.span_id);
        if (span.is_error()) failed_.insert({one.id, span.span_id});
      }
      fragments_[one.id][one.covered_sequence] = spans;
    }
    if (is_last && crash == Crash::AfterCommit) return base::fail(base::Errc::Io, "crashed after the commit");
    return {};
  }
  base::Result<uint64_t> covered_sequence(const model::TraceId& id, uint64_t /*from*/) override {
    const auto found = fragments_.find(id);
    return found == fragments_.end() ? 0 : found->second.rbegin()->first;
  }
  // How often each span is here.
  std::map<SpanKey, int> spans() const {
    std::map<SpanKey, int> counts;
    for (const auto& [id, fragments] : fragments_) {
      for (const auto& [covered, spans] : fragments) {
        for (const model::SpanId& span : spans) ++counts[{id, span}];
      }
    }
    return counts;
  }

  // Failed requests: each such span is one, since no span has a parent that is there.
  size_t failed() const { return failed_.size(); }

  base::Result<uint64_t> highest_sequence() override { return 0; }
  base::Result<uint64_t> remove_sealed_before(model::Timestamp, uint32_t) override { return 0; }
  base::Result<uint64_t> remove_oldest(uint32_t) override { return 0; }
  base::Result<bool> maintain(std::stop_token) override { return false; }
  base::Result<std::optional<store::TimeRange>> time_range() override { return std::nullopt; }
  uint64_t disk_bytes() const override { return 0; }
  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
    return {ids.size(), base::fail(base::Errc::NotFound, "")};
  }
  base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
    return std::vector<uint32_t>(ids.size());
  }
  base::Result<store::SearchResult> search(const store::TraceQuery&) override { return store::SearchResult{}; }
  base::Result<store::MetricsResult> metrics(const store::MetricsQuery& query) override {
    return store::MetricsResult{.series = traceql::MetricsPartial(query.plan)};
  }
  base::Result<store::StoreStats> stats() override { return store::StoreStats{}; }
  base::Result<std::vector<std::string>> services() override { return std::vector<std::string>{}; }
  base::Result<std::vector<store::Operation>> operations(const std::string&) override {
    return std::vector<store::Operation>{};
  }
  base::Result<std::vector<store::AttributeName>> attribute_names(uint32_t) override {
    return std::vector<store::AttributeName>{};
  }
  base::Result<std::vector<std::string>> attribute_values(const store::AttributeName&, uint32_t) override {
    return std::vector<std::string>{};
  }

  Crash crash = Crash::Never;
  int appends_left = 0;
  model::TraceId poison;

 private:
  std::map<model::TraceId, std::map<uint64_t, std::vector<model::SpanId>>> fragments_;
  std::set<SpanKey> failed_;
};

// What outlives a process: disk, store, time, and what clients remember.
struct World {
  explicit World(uint64_t seed) : disk(seed), random(seed) {}

  base::SimulatedFileSystem disk;
  CrashingStore store;
  base::FakeClock clock;
  base::Random random;
  std::set<SpanKey> acknowledged;
  std::set<SpanKey> sent;
  uint64_t next_span = 1;
  uint64_t counted = 0;  // failed requests, by the ledger of the last process
  uint64_t spans = 0;    // likewise, by its ledger of spans
  uint64_t calls = 0;
};

// One life of the process.
class Process {
 public:
  Process(World& world, log::Sync sync) : world_(world), intake_({}, {}, kShards) {
    if (!open_ledgers()) return;
    auto log = log::Log::open(world.disk, world.clock, metrics_,
                              {.directory = "log",
                               .sync = sync,
                               .segment_bytes = 8192,
                               .free_bytes_min = 0,
                               .sequence_after = spans_->included_sequence()});
    if (!log) return;
    log_ = std::move(*log);
    for (size_t i = 0; i < kShards; ++i) {
      shards_.push_back(std::make_unique<assemble::OpenTraces>(assemble::AssembleOptions{
          .decision_wait = 1s, .decision_wait_after_root_received = 300ms, .spans_per_trace = 12}));
    }
    std::vector<assemble::OpenTraces*> open;
    for (const auto& shard : shards_) open.push_back(shard.get());
    is_alive_ = replay(*log_, world.store, world.clock, open, {.spans = spans_.get()}).has_value();
  }

  bool is_alive() const { return is_alive_; }
  const log::Log& log() const { return *log_; }

  void receive() {
    model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
    std::set<SpanKey> keys;
    for (uint64_t i = 1 + world_.random.below(5); i > 0; --i) {
      model::Span span{
          .name = "op", .kind = model::SpanKind::Server, .start = world_.clock.now(), .end = world_.clock.now()};
      span.trace_id.bytes[15] = static_cast<uint8_t>(1 + world_.random.below(6));
      span.span_id = model::SpanId::from_bytes(reinterpret_cast<const char*>(&world_.next_span));
      ++world_.next_span;
      if (world_.random.chance(0.5)) span.parent_span_id.bytes[7] = 1;  // of no span
      if (world_.random.chance(0.3)) span.status.code = model::StatusCode::Error;
      keys.insert({span.trace_id, span.span_id});
      set.spans.push_back(span);
    }
    world_.sent.insert(keys.begin(), keys.end());
    std::string request = wire::otlp::encode_request(set);
    const auto prepared = intake_.prepare(request);
    ASSERT_TRUE(prepared);
    const auto push = [&](const log::Appended& at) {
      for (size_t i = 0; i < kShards; ++i) {
        if (intake_.record(i).parts.empty()) continue;
        intake_.record(i).at = at;
        shards_[i]->add(intake_.record(i), world_.clock.monotonic());
      }
    };
    const log::RecordInfo info{.kind = log::RecordKind::Spans, .received = world_.clock.now()};
    log::RecordFacts facts = prepared->facts;
    ++facts.references;
    const auto entry = spans_->enter();
    if (const auto at = log_->append(info, intake_.digest_bytes(), request, facts, push)) {
      spans_->count(entry, *at, intake_.digest(), request);
      world_.acknowledged.insert(keys.begin(), keys.end());
    } else {
      is_alive_ = false;
    }
  }

  uint64_t counted() {
    uint64_t sum = 0;
    const auto rows = errors_->error_origins({});
    for (const model::ErrorOriginRow& row : *rows) sum += row.count;
    return sum;
  }

  uint64_t spans() {
    uint64_t sum = 0;
    for (const ledger::SpanSeries& row : spans_->span_rows()) sum += row.latency.count();
    return sum;
  }
  uint64_t calls() {
    uint64_t sum = 0;
    for (const ledger::CallEdge& edge : spans_->call_edges()) sum += edge.requests + edge.unpaired;
    return sum;
  }
  void checkpoint() { is_alive_ = is_alive_ && spans_->checkpoint(*log_).has_value(); }

  void seal_due(bool all) {
    for (const auto& shard : shards_) {
      const auto due = all ? shard->take_all({}) : shard->take_due(world_.clock.monotonic(), {.spans_max = 20});
      if (due.empty()) continue;
      auto read = read_decided(*log_, due, {}, spans_.get());
      if (!read || !seal(*log_, world_.store, read->kept, world_.clock.now(), errors_.get(), spans_.get())) {
        is_alive_ = false;
        return;
      }
      shard->sealed(due);
    }
  }

 private:
  static constexpr size_t kShards = 2;

  bool open_ledgers() {
    auto journal = store::open_ledger_journal(world_.disk, "ledger");
    if (!journal) return false;
    journal_ = std::move(*journal);
    // Small, so that checkpoints are written.
    auto errors = ErrorLedger::open(*journal_, world_.store, world_.clock, metrics_, {.journal_bytes_max = 300});
    if (!errors) return false;
    errors_ = std::move(*errors);
    auto span_journal = store::open_ledger_journal(world_.disk, "ledger", "spans");
    if (!span_journal) return false;
    span_journal_ = std::move(*span_journal);
    auto spans = SpanLedger::open(
        *span_journal_, [this](const model::TraceId& id) { return world_.store.covered_sequence(id, 0); }, world_.clock,
        metrics_);
    if (!spans) return false;
    spans_ = std::move(*spans);
    return true;
  }

  World& world_;
  base::Metrics metrics_;
  Intake intake_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::LedgerJournal> journal_;
  std::unique_ptr<ErrorLedger> errors_;
  std::unique_ptr<store::LedgerJournal> span_journal_;
  std::unique_ptr<SpanLedger> spans_;
  std::vector<std::unique_ptr<assemble::OpenTraces>> shards_;
  bool is_alive_ = false;
};

// Until `steps` are done or something fails, as it does in a process that ends.
void live(World& world, log::Sync sync, int steps) {
  Process process(world, sync);
  for (int step = 0; step < steps && process.is_alive(); ++step) {
    process.receive();
    world.clock.advance(std::chrono::milliseconds(world.random.below(400)));
    if (process.is_alive()) process.seal_due(false);
    if (world.random.chance(0.2)) process.checkpoint();
  }
}

// A last life without faults, after which everything is in the store.
void settle(World& world, log::Sync sync) {
  world.store.crash = CrashingStore::Crash::Never;
  Process process(world, sync);
  ASSERT_TRUE(process.is_alive());
  process.seal_due(true);
  ASSERT_TRUE(process.is_alive());
  world.counted = process.counted();
  world.spans = process.spans();
  world.calls = process.calls();
}

void expect_exactly_once(const World& world, const std::string& where) {
  const auto spans = world.store.spans();
  for (const auto& [key, count] : spans) {
    ASSERT_EQ(count, 1) << where << ": span " << key.second.to_hex() << " is stored " << count << " times";
    ASSERT_TRUE(world.sent.contains(key)) << where << ": a span nobody sent";
  }
  for (const SpanKey& key : world.acknowledged) {
    ASSERT_TRUE(spans.contains(key)) << where << ": acknowledged span " << key.second.to_hex() << " is lost";
  }
  ASSERT_EQ(world.counted, world.store.failed()) << where << ": failures in the ledger";
  ASSERT_EQ(world.spans, spans.size()) << where << ": spans in the ledger";
  ASSERT_EQ(world.calls, spans.size()) << where << ": calls in the ledger";
}

constexpr int kSteps = 30;

uint64_t calls_of_a_whole_life(log::Sync sync) {
  World world(3);
  live(world, sync, kSteps);
  return world.disk.calls();
}

TEST(Seal, a_process_killed_at_any_call_to_the_disk_neither_loses_nor_doubles_a_span) {
  const uint64_t calls = calls_of_a_whole_life(log::Sync::Never);
  ASSERT_GT(calls, 50u);
  for (uint64_t call = 1; call <= calls; ++call) {
    World world(3);
    world.disk.stop_at(call);
    live(world, log::Sync::Never, kSteps);
    world.disk.kill_process();
    world.clock.advance(std::chrono::milliseconds(world.random.below(3000)));
    live(world, log::Sync::Never, 5);
    world.disk.kill_process();
    settle(world, log::Sync::Never);
    expect_exactly_once(world, "killed at call " + std::to_string(call));
    if (HasFatalFailure()) return;
  }
}

TEST(Seal, power_lost_at_any_call_neither_loses_nor_doubles_a_span_that_was_synced) {
  const uint64_t calls = calls_of_a_whole_life(log::Sync::Always);
  for (uint64_t call = 1; call <= calls; ++call) {
    World world(3);
    world.disk.stop_at(call);
    live(world, log::Sync::Always, kSteps);
    world.disk.lose_power(call);
    settle(world, log::Sync::Always);
    expect_exactly_once(world, "power lost at call " + std::to_string(call));
    if (HasFatalFailure()) return;
  }
}

TEST(Seal, a_crash_before_or_after_any_commit_of_the_store_neither_loses_nor_doubles_a_span) {
  for (const auto crash : {CrashingStore::Crash::BeforeCommit, CrashingStore::Crash::AfterCommit}) {
    for (int append = 1; append <= 20; ++append) {
      World world(5);
      world.store.crash = crash;
      world.store.appends_left = append;
      live(world, log::Sync::Never, kSteps);
      world.disk.kill_process();
      settle(world, log::Sync::Never);
      expect_exactly_once(world, "commit " + std::to_string(append));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Seal, many_crashes_in_a_row_neither_lose_nor_double_a_span) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    World world(seed);
    for (int life = 0; life < 8; ++life) {
      world.disk.stop_at(1 + world.random.below(120));
      world.store.crash = static_cast<CrashingStore::Crash>(world.random.below(3));
      world.store.appends_left = static_cast<int>(1 + world.random.below(6));
      live(world, log::Sync::Never, kSteps);
      world.disk.kill_process();
    }
    settle(world, log::Sync::Never);
    expect_exactly_once(world, "seed " + std::to_string(seed));
    if (HasFatalFailure()) return;
  }
}

TEST(Seal, failures_are_counted_after_a_restart_as_before_it) {
  World world(11);
  uint64_t before = 0;
  {
    Process process(world, log::Sync::Never);
    for (int i = 0; i < 30; ++i) {
      process.receive();
      process.seal_due(true);
    }
    ASSERT_TRUE(process.is_alive());
    before = process.counted();
  }
  world.disk.kill_process();
  Process process(world, log::Sync::Never);
  EXPECT_GT(before, 10u);
  EXPECT_EQ(process.counted(), before);
  EXPECT_EQ(before, world.store.failed());
}

TEST(Seal, spans_and_calls_are_counted_after_a_restart_as_before_it) {
  for (const bool has_checkpoint : {false, true}) {
    World world(12);
    uint64_t before = 0;
    {
      Process process(world, log::Sync::Never);
      for (int i = 0; i < 30; ++i) {
        process.receive();
        process.seal_due(true);
        if (has_checkpoint && i == 20) process.checkpoint();
      }
      ASSERT_TRUE(process.is_alive());
      before = process.spans();
      ASSERT_EQ(process.calls(), before);
    }
    world.disk.kill_process();
    Process process(world, log::Sync::Never);
    EXPECT_EQ(before, world.acknowledged.size());
    EXPECT_EQ(process.spans(), before);
    EXPECT_EQ(process.calls(), before);
  }
}

// A ledger's reference keeps the record, not a trace.
TEST(Seal, the_log_keeps_what_no_checkpoint_has_and_no_more) {
  World world(13);
  Process process(world, log::Sync::Never);
  for (int i = 0; i < 60; ++i) process.receive();
  process.seal_due(true);
  const uint64_t before = process.log().segment_count();
  process.checkpoint();
  ASSERT_TRUE(process.is_alive());
  EXPECT_GT(before, 1u);
  EXPECT_LE(process.log().segment_count(), 1u);
}

TEST(Seal, a_trace_that_the_store_can_never_take_keeps_no_other_waiting) {
  World world(4);
  world.store.poison.bytes[15] = 2;
  Process process(world, log::Sync::Never);
  for (int i = 0; i < 10; ++i) process.receive();
  process.seal_due(true);
  ASSERT_TRUE(process.is_alive());
  size_t others = 0;
  for (const SpanKey& key : world.acknowledged) others += key.first == world.store.poison ? 0 : 1;
  EXPECT_EQ(world.store.spans().size(), others);
  EXPECT_LT(others, world.acknowledged.size());
  EXPECT_EQ(process.counted(), world.store.failed());
}

TEST(Seal, windows_go_on_over_a_restart_and_a_clock_that_was_set_back_seals_nothing_early_or_never) {
  World world(9);
  {
    Process process(world, log::Sync::Never);
    process.receive();
  }
  world.disk.kill_process();
  world.clock.set_wall(base::offset(world.clock.now(), -1h));
  Process process(world, log::Sync::Never);
  process.seal_due(false);
  EXPECT_TRUE(world.store.spans().empty());
  world.clock.advance(1100ms);
  process.seal_due(false);
  EXPECT_EQ(world.store.spans().size(), world.acknowledged.size());
}

}  // namespace
}  // namespace backstitch::ingest
