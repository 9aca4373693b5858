// Sampling on the whole path: what is kept, what can be taken back, and what a killed process remembers.
#include <gtest/gtest.h>

#include "assemble/open_reader.h"
#include "base/simulated_file_system.h"
#include "ingest/ingest_testing.h"
#include "ingest/pipeline.h"
#include "ingest/span_features.h"
#include "store/decisions/decision_runs.h"
#include "store/memory/memory_store.h"
#include "wire/otlp/decode.h"

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;
using model::DecisionCause;
using model::Verdict;

struct SpanSpec {
  uint8_t trace = 1;
  uint8_t span = 1;
  bool is_error = false;
  std::chrono::milliseconds duration{10};
  uint8_t parent = 0;
};

std::string request(const std::vector<SpanSpec>& specs) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  constexpr uint64_t kStart = 1'700'000'000'000'000'000;
  for (const SpanSpec& spec : specs) {
    model::Span span{.trace_id = trace_id(spec.trace), .name = "op", .start = {kStart}};
    span.end = base::offset(span.start, spec.duration);
    span.span_id.bytes[7] = spec.span;
    span.parent_span_id.bytes[7] = spec.parent;
    if (spec.is_error) span.status.code = model::StatusCode::Error;
    set.spans.push_back(span);
  }
  return wire::otlp::encode_request(set);
}

sample::PolicySet errors_and_slow() {
  sample::PolicySet set;
  set.policies.push_back({.name = "errors", .rule = sample::StatusCodes{{model::StatusCode::Error}}});
  set.policies.push_back({.name = "slow", .rule = sample::Latency{.threshold = 1s}});
  return set;
}

struct RigOptions {
  sample::PolicySet policies = errors_and_slow();
  base::Duration decision_wait = 100ms;
  base::Duration grace_age = 1h;
  uint64_t open_traces_max = UINT64_MAX;
  base::Duration seal_wait{0};
  uint64_t seal_spans_max = 65'536;
};

// A path over a simulated disk; the trace store outlives restarts.
struct Rig {
  explicit Rig(RigOptions options_in = {}) : options(std::move(options_in)) { start(); }
  ~Rig() { stop(); }

  void start() {
    decisions = store::open_decision_runs({.directory = "decisions"}, {disk, clock, metrics}).value();
    log = log::Log::open(disk, clock, metrics,
                         {.directory = "log",
                          .segment_bytes = 64 << 10,
                          .free_bytes_min = 0,
                          .sequence_after = decisions->highest_sequence()})
              .value();
    const auto plan = sample::Plan::compile(options.policies).value();
    decider = Decider::open(clock, *log, *decisions, plan, metrics).value();
    const PipelineOptions of_path{
        .shards = 2,
        .assemble = {.decision_wait = options.decision_wait,
                     .decides = true,
                     .open_traces_max = options.open_traces_max,
                     .grace_age = options.grace_age,
                     .late_wait = 20ms},
        .plan = feature_plan_of(*plan, {}),
        .sampling = plan,
        .seal_budget = {.spans_max = options.seal_spans_max, .spans_min = 1000, .wait_max = options.seal_wait}};
    auto started = Pipeline::start(clock, *log, *store, metrics, of_path, nullptr, nullptr, nullptr, decider.get());
    ASSERT_TRUE(started) << started.error().message;
    pipeline = std::move(*started);
    reader = std::make_unique<assemble::OpenReader>(*pipeline, *log, clock, metrics, assemble::OpenReaderOptions{});
  }
  void stop() {
    reader.reset();
    pipeline.reset();
    decider.reset();
    log.reset();
    decisions.reset();
  }
  void restart() {
    stop();
    start();
  }

  void send(const std::vector<SpanSpec>& specs) {
    std::string bytes = request(specs);
    const auto received = pipeline->receive_traces(bytes);
    ASSERT_TRUE(received) << received.error().message;
  }
  size_t stored(uint8_t trace) {
    const auto found = store->find(trace_id(trace));
    return found ? found->spans.size() : 0;
  }
  size_t open(uint8_t trace) {
    const auto found = reader->find(trace_id(trace));
    return found ? found->spans.size() : 0;
  }
  std::vector<model::Decision> why(uint8_t trace) { return decisions->find(trace_id(trace)).value().decisions; }
  bool is_dropped(uint8_t trace) {
    return eventually([&] { return !why(trace).empty() && open(trace) == 0; }) &&
           why(trace).back().verdict == Verdict::Dropped;
  }

  bool shows(const std::string& metric) { return metrics.render().find("\n" + metric + "\n") != std::string::npos; }

  RigOptions options;
  base::SimulatedFileSystem disk;
  base::SystemClock clock;
  base::Metrics metrics;
  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  std::unique_ptr<store::DecisionStore> decisions;
  std::unique_ptr<log::Log> log;
  std::unique_ptr<Decider> decider;
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<assemble::OpenReader> reader;
};

TEST(Sampling, a_failed_trace_is_kept_and_a_good_one_is_not) {
  Rig rig;
  rig.send({{.trace = 1, .span = 1}, {.trace = 1, .span = 2, .is_error = true}, {.trace = 2}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 2; }));
  EXPECT_TRUE(rig.is_dropped(2));
  EXPECT_EQ(rig.stored(2), 0u);
  const auto kept = rig.why(1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].verdict, Verdict::Kept);
  EXPECT_EQ(kept[0].policy, 0);
  EXPECT_EQ(kept[0].voted, 1u);
  EXPECT_EQ(kept[0].span_count, 2u);
  EXPECT_EQ(kept[0].error_count, 1u);
  EXPECT_EQ(kept[0].duration, 10ms);
  EXPECT_EQ(rig.decisions->policy_set(kept[0].policy_set)->names, (std::vector<std::string>{"errors", "slow"}));
}

TEST(Sampling, an_undecided_trace_is_seen) {
  Rig rig({.decision_wait = 1h});
  rig.send({{.trace = 1}});
  EXPECT_EQ(rig.open(1), 1u);
}

TEST(Sampling, a_late_error_takes_a_drop_back_and_the_trace_is_kept_whole) {
  Rig rig;
  rig.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  rig.send({{.trace = 1, .span = 2, .is_error = true}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 2; }));
  EXPECT_EQ(rig.why(1).back().cause, DecisionCause::Reopened);
}

TEST(Sampling, a_late_root_that_makes_the_trace_slow_takes_a_drop_back) {
  Rig rig;
  rig.send({{.trace = 1, .span = 2, .parent = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  rig.send({{.trace = 1, .span = 1, .duration = 2s}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 2; }));
  EXPECT_EQ(rig.why(1).back().policy, 1);
}

TEST(Sampling, late_spans_without_evidence_follow_the_drop_and_are_counted) {
  Rig rig;
  rig.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  rig.send({{.trace = 1, .span = 2}, {.trace = 1, .span = 3}});
  EXPECT_TRUE(eventually([&] { return rig.why(1).back().late_span_count == 2; }));
  EXPECT_EQ(rig.why(1).size(), 1u);
  EXPECT_EQ(rig.stored(1), 0u);
}

TEST(Sampling, late_spans_of_a_kept_trace_join_it) {
  Rig rig;
  rig.send({{.trace = 1, .span = 1, .is_error = true}});
  ASSERT_TRUE(eventually([&] { return rig.stored(1) == 1 && rig.open(1) == 0; }));
  rig.send({{.trace = 1, .span = 2}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 2; }));
  EXPECT_TRUE(eventually([&] { return rig.why(1).back().late_span_count == 1; }));
  EXPECT_EQ(rig.why(1).size(), 1u);
}

TEST(Sampling, a_person_gets_a_dropped_trace_back) {
  Rig rig;
  rig.send({{.trace = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  ASSERT_TRUE(rig.pipeline->keep(trace_id(1), DecisionCause::Person));
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  EXPECT_EQ(rig.why(1).back().cause, DecisionCause::Person);
  EXPECT_EQ(rig.pipeline->keep(trace_id(9), DecisionCause::Person).error().code, base::Errc::NotFound);
}

TEST(Sampling, what_a_person_keeps_is_kept_whatever_happens_then) {
  Rig rig({.decision_wait = 1h});
  rig.send({{.trace = 1}});
  ASSERT_TRUE(rig.pipeline->keep(trace_id(1), DecisionCause::Person));
  rig.restart();
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  ASSERT_EQ(rig.why(1).size(), 1u);
  EXPECT_EQ(rig.why(1)[0].cause, DecisionCause::Person);
  EXPECT_EQ(rig.why(1)[0].span_count, 1u);
}

// The first fragment is dropped, the second fails: both are judged and stored together.
TEST(Sampling, a_trace_in_two_fragments_is_kept_whole) {
  Rig rig({.decision_wait = 200ms, .seal_wait = 50ms});
  rig.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  for (uint8_t span = 2; span < 40; ++span) rig.send({{.trace = 1, .span = span}});
  rig.send({{.trace = 1, .span = 40, .is_error = true}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 40; }));
}

// All are taken back and decided together; a block has room for two of them.
TEST(Sampling, more_than_a_batch_that_is_kept_at_once_is_stored_whole) {
  Rig rig({.seal_spans_max = 4});
  std::vector<SpanSpec> good, late;
  for (uint8_t trace = 1; trace <= 20; ++trace) {
    good.push_back({.trace = trace, .span = 1});
    late.push_back({.trace = trace, .span = 2, .is_error = true});
  }
  rig.send(good);
  for (uint8_t trace = 1; trace <= 20; ++trace) ASSERT_TRUE(rig.is_dropped(trace));
  rig.send(late);
  for (uint8_t trace = 1; trace <= 20; ++trace) {
    EXPECT_TRUE(eventually([&] { return rig.stored(trace) == 2 && rig.open(trace) == 0; })) << int{trace};
    EXPECT_EQ(rig.why(trace).back().cause, DecisionCause::Reopened);
  }
}

TEST(Sampling, grace_gives_the_log_back) {
  Rig rig({.grace_age = 0s});
  for (uint8_t trace = 1; trace <= 50; ++trace) rig.send({{.trace = trace}});
  for (uint8_t trace = 1; trace <= 50; ++trace) ASSERT_TRUE(rig.is_dropped(trace));
  ASSERT_TRUE(rig.decisions->flush());
  EXPECT_TRUE(eventually([&] {
    rig.log->trim();
    return rig.log->segment_count() == 0;
  }));
}

TEST(Sampling, evidence_that_comes_after_grace_keeps_itself_and_is_regretted) {
  Rig rig({.grace_age = 0s});
  rig.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  ASSERT_TRUE(eventually([&] { return rig.shows("backstitch_open_traces 0"); }));
  ASSERT_TRUE(eventually([&] { return rig.shows("backstitch_grace_traces 0"); }));
  rig.send({{.trace = 1, .span = 2, .is_error = true}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  EXPECT_TRUE(rig.shows("backstitch_sampling_regretted_total 1"));
}

TEST(Sampling, the_oldest_traces_are_decided_early_where_too_many_are_open) {
  Rig rig({.decision_wait = 1h, .open_traces_max = 1});
  for (uint8_t trace = 1; trace <= 9; ++trace) rig.send({{.trace = trace, .is_error = trace == 1}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  EXPECT_EQ(rig.why(1).back().cause, DecisionCause::EarlyAtCap);
}

TEST(Sampling, what_was_undecided_at_a_kill_is_decided_after_it) {
  Rig rig({.decision_wait = 300ms});
  rig.send({{.trace = 1, .span = 1, .is_error = true}, {.trace = 2}});
  rig.restart();
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  EXPECT_TRUE(rig.is_dropped(2));
}

TEST(Sampling, what_was_dropped_before_a_kill_can_still_be_taken_back) {
  Rig rig;
  rig.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(rig.is_dropped(1));
  rig.restart();
  EXPECT_EQ(rig.open(1), 0u);
  EXPECT_EQ(rig.why(1).size(), 1u);
  rig.send({{.trace = 1, .span = 2, .is_error = true}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 2; }));
}

// Its record leaves the log when the store of decisions has it; spans that it decides may stay on.
TEST(Sampling, a_decision_that_the_log_has_no_more_still_holds) {
  Rig rig({.decision_wait = 1h});
  rig.send({{.trace = 1, .span = 1}, {.trace = 2, .span = 1}});
  rig.stop();
  {
    const auto decisions =
        store::open_decision_runs({.directory = "decisions"}, {rig.disk, rig.clock, rig.metrics}).value();
    model::DecisionBatch batch;
    batch.decisions.push_back(
        {.id = trace_id(1), .verdict = Verdict::Dropped, .decided = rig.clock.now(), .span_count = 1});
    ASSERT_TRUE(decisions->append(batch, 1000));
    ASSERT_TRUE(decisions->flush());
  }
  rig.start();
  EXPECT_EQ(rig.open(1), 0u);
  EXPECT_EQ(rig.open(2), 1u);
  EXPECT_EQ(rig.why(1).size(), 1u);
  ASSERT_TRUE(rig.pipeline->keep(trace_id(1), DecisionCause::Person));
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
}

TEST(Sampling, what_was_kept_but_not_stored_before_a_kill_is_stored_after_it) {
  Rig rig({.seal_wait = 1h});
  rig.send({{.trace = 1, .is_error = true}});
  ASSERT_TRUE(eventually([&] { return rig.why(1).size() == 1; }));
  EXPECT_EQ(rig.stored(1), 0u);
  rig.options.seal_wait = 0s;
  rig.restart();
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  EXPECT_EQ(rig.why(1).size(), 1u);
}

TEST(Sampling, nothing_is_decided_twice_by_a_restart) {
  Rig rig;
  rig.send({{.trace = 1, .is_error = true}, {.trace = 2}});
  ASSERT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  ASSERT_TRUE(rig.is_dropped(2));
  for (int i = 0; i < 3; ++i) {
    rig.restart();
    rig.send({{.trace = static_cast<uint8_t>(10 + i)}});
    ASSERT_TRUE(rig.is_dropped(static_cast<uint8_t>(10 + i)));
  }
  EXPECT_EQ(rig.why(1).size(), 1u);
  EXPECT_EQ(rig.why(2).size(), 1u);
  EXPECT_EQ(rig.stored(1), 1u);
}

TEST(Sampling, other_policies_after_a_restart_judge_what_was_open_by_its_spans) {
  Rig rig({.decision_wait = 300ms});
  rig.send({{.trace = 1, .span = 7}});
  rig.stop();
  rig.options.policies.policies = {{.name = "op", .rule = sample::TraceQl{.query = "{ name = \"op\" }"}}};
  rig.start();
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
}

TEST(Sampling, a_policy_that_needs_the_whole_trace_reads_it) {
  sample::PolicySet set;
  set.policies.push_back({.name = "broken", .rule = sample::Orphan{}});
  Rig rig({.policies = set});
  rig.send({{.trace = 1, .span = 2, .parent = 1}, {.trace = 2, .span = 1}, {.trace = 2, .span = 2, .parent = 1}});
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  EXPECT_TRUE(rig.is_dropped(2));
}

TEST(Sampling, a_shutdown_leaves_what_is_undecided_in_the_log_unless_told_to_decide) {
  Rig rig({.decision_wait = 1h});
  rig.send({{.trace = 1, .is_error = true}, {.trace = 2}});
  ASSERT_TRUE(rig.pipeline->drain(10s));
  EXPECT_EQ(rig.open(1), 1u);
  EXPECT_TRUE(rig.why(1).empty());
  rig.restart();
  EXPECT_EQ(rig.open(1), 1u);
  ASSERT_TRUE(rig.pipeline->drain(10s, true));
  EXPECT_EQ(rig.stored(1), 1u);
  EXPECT_EQ(rig.why(2).back().cause, DecisionCause::Drain);
}

}  // namespace
}  // namespace backstitch::ingest
