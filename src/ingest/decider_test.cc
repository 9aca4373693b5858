// What the decider asks of its policies, and what it remembers, without the path around it.
#include "ingest/decider.h"

#include <gtest/gtest.h>

#include "base/simulated_file_system.h"
#include "ingest/ingest_testing.h"
#include "ingest/intake.h"
#include "ingest/seal.h"
#include "ingest/span_features.h"
#include "store/decisions/decision_runs.h"
#include "store/embedded/ledger_file.h"
#include "store/memory/memory_decisions.h"
#include "store/memory/memory_store.h"
#include "wire/otlp/decode.h"

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;

struct SpanSpec {
  bool is_orphan = false;  // its parent is not there
  bool is_error = false;
  size_t padding_bytes = 0;
};

std::string request(uint8_t trace, const SpanSpec& spec) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  model::Span span{.trace_id = trace_id(trace), .name = "op", .start = {1000}, .end = {2000}};
  span.span_id.bytes[7] = 1;
  if (spec.is_error) span.status.code = model::StatusCode::Error;
  span.attributes.push_back({"padding", std::string(spec.padding_bytes, 'x')});
  if (spec.is_orphan) span.parent_span_id.bytes[7] = 9;
  set.spans.push_back(span);
  return wire::otlp::encode_request(set);
}

sample::Policy one_span_a_second(int64_t burst) {
  return {.name = "rate", .rule = sample::RateLimiting{.spans_per_second = 1, .burst_capacity = burst}};
}

// Log, decider and one shard; the disk, the clock and the decisions outlive a process.
struct Rig {
  explicit Rig(std::vector<sample::Policy> policies_in) : policies(std::move(policies_in)) { start(); }

  void start() {
    plan = sample::Plan::compile({.policies = policies}).value();
    clock.advance(1ms);
    log =
        log::Log::open(disk, clock, metrics, {.directory = "log", .segment_bytes = 4096, .free_bytes_min = 0}).value();
    open = std::make_unique<assemble::OpenTraces>(assemble::AssembleOptions{.decision_wait = 1s, .decides = true});
    budgets = store::open_ledger_journal(disk, "ledger", "sampler").value();
    decider = Decider::open(clock, *log, *decisions, plan, metrics, {.budgets = budgets.get()}).value();
    intake = std::make_unique<Intake>(feature_plan_of(*plan, {}), model::Limits(), 1, plan);
  }
  // Nothing is written any more; the log starts empty, with sequences of its own.
  void kill() {
    disk.stop_at(1);
    decider.reset();
    budgets.reset();
    log.reset();
    disk.kill_process();
    for (const auto& [path, bytes] : disk.snapshot()) {
      const bool is_of_log = path.starts_with("log/");
      ASSERT_TRUE(!is_of_log || disk.remove(path));
    }
    decisions = store::make_memory_decisions();
  }

  // The process ends and another one goes on with its log.
  void restart() {
    decider.reset();
    budgets.reset();
    log.reset();
    disk.kill_process();
    start();
    ASSERT_TRUE(replay(*log, *store, clock, {open.get()}, {.decider = decider.get()}));
  }

  void add(uint8_t trace, const SpanSpec& spec = {}) {
    std::string bytes = request(trace, spec);
    const auto prepared = intake->prepare(bytes);
    ASSERT_TRUE(prepared) << prepared.error().message;
    const auto at = log->append({}, intake->digest_bytes(), bytes, prepared->facts);
    ASSERT_TRUE(at) << at.error().message;
    intake->record(0).at = *at;
    open->add(intake->record(0), clock.monotonic());
  }
  bool keeps(uint8_t trace) {
    add(trace);
    auto verdicts = decider->vote(open->take_all({}));
    EXPECT_TRUE(verdicts);
    EXPECT_TRUE(decider->record(*verdicts));
    return !verdicts->kept.empty();
  }

  // A person does; false where it was recorded already.
  bool keep(const std::vector<assemble::Fragment>& fragments) {
    std::vector<KeepOrder> orders{
        {.by = {.id = fragments.front().id, .cause = model::DecisionCause::Person}, .fragments = fragments}};
    EXPECT_TRUE(decider->record_keeps(orders));
    return !orders.empty();
  }
  void drop_all() {
    auto verdicts = decider->vote(open->take_all({}));
    ASSERT_TRUE(verdicts);
    ASSERT_TRUE(decider->record(*verdicts));
    ASSERT_TRUE(verdicts->kept.empty());
    open->dropped(verdicts->dropped, clock.monotonic());
  }

  const std::vector<sample::Policy> policies;
  base::SimulatedFileSystem disk;
  base::FakeClock clock;
  base::Metrics metrics;
  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  std::unique_ptr<store::DecisionStore> decisions = store::make_memory_decisions();
  std::shared_ptr<const sample::Plan> plan;
  std::unique_ptr<log::Log> log;
  std::unique_ptr<assemble::OpenTraces> open;
  std::unique_ptr<store::LedgerJournal> budgets;
  std::unique_ptr<Decider> decider;
  std::unique_ptr<Intake> intake;
};

// The first takes the only token. The second needs its spans, which cannot be read at once.
TEST(Decider, a_vote_that_is_tried_again_spends_budgets_once) {
  Rig rig({one_span_a_second(1), {.name = "broken", .rule = sample::Orphan{}}});
  rig.add(1);
  rig.add(2, {.is_orphan = true});
  const auto due = rig.open->take_all({});
  rig.disk.fail_at(1, base::Errc::Io);
  ASSERT_FALSE(rig.decider->vote(due));
  const auto verdicts = rig.decider->vote(due);
  ASSERT_TRUE(verdicts) << verdicts.error().message;
  EXPECT_EQ(verdicts->kept.size(), 2u);
  EXPECT_EQ(verdicts->batch.decisions.front().voted, 1u);
}

TEST(Decider, a_killed_process_grants_no_budget_anew) {
  Rig rig({one_span_a_second(2)});
  EXPECT_TRUE(rig.keeps(1));
  EXPECT_TRUE(rig.keeps(2));
  EXPECT_FALSE(rig.keeps(3));
  rig.kill();
  rig.start();
  EXPECT_FALSE(rig.keeps(4));
  rig.clock.advance(1s);
  EXPECT_TRUE(rig.keeps(5));
  EXPECT_FALSE(rig.keeps(6));
}

// More of them than the decision store holds in memory, if nobody made room.
struct ManyDecisions {
  static constexpr uint32_t kCount = 4 * Decider::kDecidedAtOnce;

  ManyDecisions() : rig({one_span_a_second(1)}) {
    rig.decider.reset();
    rig.decisions = store::open_decision_runs({.directory = "decisions"}, {rig.disk, rig.clock, rig.metrics}).value();
    rig.decider = Decider::open(rig.clock, *rig.log, *rig.decisions, rig.plan, rig.metrics).value();
    for (uint32_t i = 0; i < kCount; ++i) {
      model::Decision& one = all.decisions.emplace_back(model::Decision{.id = id(i), .decided = rig.clock.now()});
      one.verdict = model::Verdict::Dropped;
    }
  }
  ~ManyDecisions() { rig.decider.reset(); }
  static model::TraceId id(uint32_t number) {
    model::TraceId id = trace_id(1);
    for (size_t i = 0; i < 4; ++i) id.bytes[i] = static_cast<uint8_t>(number >> (8 * i));
    return id;
  }
  void expect_known(uint32_t number, size_t times) {
    EXPECT_EQ(rig.decisions->find(id(number))->decisions.size(), times) << number;
  }

  Rig rig;
  model::DecisionBatch all;
};

TEST(Decider, more_decisions_at_once_than_the_store_holds_are_recorded_once) {
  ManyDecisions many;
  for (const size_t count : {size_t{1}, many.all.decisions.size()}) {
    Verdicts verdicts;
    verdicts.batch.decisions.assign(many.all.decisions.begin(),
                                    many.all.decisions.begin() + static_cast<ptrdiff_t>(count));
    const auto recorded = many.rig.decider->record(verdicts);
    ASSERT_TRUE(recorded) << recorded.error().message;
  }
  EXPECT_EQ(many.rig.log->last_sequence(), 2u);
  many.expect_known(0, 2);
  many.expect_known(ManyDecisions::kCount - 1, 1);
}

TEST(Decider, more_decisions_in_the_log_than_the_store_holds_are_known_after_a_restart) {
  ManyDecisions many;
  for (int i = 0; i < 2; ++i) {
    const auto at = many.rig.log->append({.kind = log::RecordKind::Decision}, {}, "", {.references = 1});
    ASSERT_TRUE(at) << at.error().message;
    EXPECT_EQ(many.rig.decider->replayed(*at, many.all, {}), 1u);
  }
  many.expect_known(0, 2);
  many.expect_known(ManyDecisions::kCount - 1, 2);
}

sample::Policy errors() { return {.name = "errors", .rule = sample::StatusCodes{{model::StatusCode::Error}}}; }

// Else the older record, that of the drop, would be all that a restart finds.
TEST(Decider, what_takes_a_drop_back_stays_in_the_log_until_the_trace_is_stored) {
  Rig rig({errors()});
  rig.add(1);
  rig.drop_all();
  const auto fill = [&] {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(rig.log->append({}, "", std::string(2000, 'x'), {}));
  };
  fill();
  const auto dropped = rig.open->find_whole(trace_id(1));
  ASSERT_TRUE(rig.keep(dropped));
  fill();
  ASSERT_TRUE(rig.decisions->flush());
  ASSERT_TRUE(rig.decider->maintain({}));
  const uint64_t before = rig.log->segment_count();
  rig.decider->sealed(dropped);
  ASSERT_TRUE(rig.decider->maintain({}));
  EXPECT_EQ(rig.log->segment_count(), before - 1);
}

TEST(Decider, a_late_error_is_judged_after_a_restart_though_the_clock_was_set_back) {
  Rig rig({errors()});
  rig.add(1);
  rig.drop_all();
  rig.clock.set_wall(base::offset(rig.clock.now(), -1h));
  rig.add(1, {.is_error = true});
  rig.restart();
  rig.clock.advance(5s);
  const auto due = rig.open->take_due(rig.clock.monotonic(), {});
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due.front().untold_span_count, 1u);
  EXPECT_EQ(rig.decider->vote(due)->kept.size(), 1u);
}

TEST(Decider, a_trace_that_is_kept_already_is_not_recorded_once_more) {
  Rig rig({errors()});
  rig.add(1);
  rig.drop_all();
  const auto here = rig.open->find_whole(trace_id(1));
  EXPECT_TRUE(rig.keep(here));
  EXPECT_FALSE(rig.keep(here));
  EXPECT_EQ(rig.decisions->find(trace_id(1))->decisions.size(), 2u);
}

TEST(Decider, what_somebody_keeps_between_vote_and_record_is_not_dropped) {
  Rig rig({errors()});
  rig.add(1);
  auto verdicts = rig.decider->vote(rig.open->take_all({}));
  ASSERT_EQ(verdicts->dropped.size(), 1u);
  ASSERT_TRUE(rig.keep(rig.open->find_whole(trace_id(1))));
  ASSERT_TRUE(rig.decider->record(*verdicts));
  EXPECT_TRUE(verdicts->dropped.empty());
  EXPECT_EQ(verdicts->kept.size(), 1u);
  EXPECT_EQ(rig.decisions->find(trace_id(1))->decisions.size(), 1u);
}

TEST(Decider, other_policies_begin_with_full_budgets) {
  std::vector<sample::Policy> policies = {one_span_a_second(2)};
  base::SimulatedFileSystem disk;
  base::FakeClock clock;
  base::Metrics metrics;
  const auto journal = store::open_ledger_journal(disk, "ledger", "sampler").value();
  sample::Sampler before(sample::Plan::compile({.policies = policies}).value(), 1);
  ASSERT_EQ(before.vote(trace_id(1), {.span_count = 2}, clock.now()).verdict(), model::Verdict::Kept);
  SamplerJournal(clock, journal.get(), metrics).write(before);

  const auto again = store::open_ledger_journal(disk, "ledger", "sampler").value();
  sample::Sampler after(sample::Plan::compile({.policies = {one_span_a_second(3)}}).value(), 1);
  SamplerJournal(clock, again.get(), metrics).restore(after);
  EXPECT_EQ(after.vote(trace_id(2), {.span_count = 3}, clock.now()).verdict(), model::Verdict::Kept);
}

TEST(Decider, checkpoints_of_budgets_take_bounded_room) {
  base::SimulatedFileSystem disk;
  base::FakeClock clock;
  base::Metrics metrics;
  const auto journal = store::open_ledger_journal(disk, "ledger", "sampler").value();
  sample::Sampler sampler(sample::Plan::compile({.policies = {one_span_a_second(2)}}).value(), 1);
  SamplerJournal checkpoints(clock, journal.get(), metrics);
  checkpoints.restore(sampler);
  for (int i = 0; i < 50'000; ++i) {
    clock.advance(1s);
    (void)sampler.vote(trace_id(1), {.span_count = 1}, clock.now());
    checkpoints.write_if_due(sampler);
  }
  EXPECT_LT(journal->bytes(), SamplerJournal::kJournalBytesMax + 1000);
}

}  // namespace
}  // namespace backstitch::ingest
