// Several nodes, each a whole path over a simulated disk, that tell each other what they keep: by hand, so that every
// order can be had.
#include <gtest/gtest.h>
#include <mutex>
#include <set>

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
  std::chrono::milliseconds start{0};
};

// Spans of 10 ms.
std::string request(const std::vector<SpanSpec>& specs) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  for (const SpanSpec& spec : specs) {
    model::Span span{.trace_id = trace_id(spec.trace), .name = "op"};
    span.start = base::offset({1'700'000'000'000'000'000}, spec.start);
    span.end = base::offset(span.start, 10ms);
    span.span_id.bytes[7] = spec.span;
    if (spec.is_error) span.status.code = model::StatusCode::Error;
    set.spans.push_back(span);
  }
  return wire::otlp::encode_request(set);
}

sample::PolicySet policies() {
  sample::PolicySet set;
  set.policies.push_back({.name = "errors", .rule = sample::StatusCodes{{model::StatusCode::Error}}});
  set.policies.push_back({.name = "slow", .rule = sample::Latency{.threshold = 1s}});
  set.policies.push_back({.name = "many", .rule = sample::SpanCount{.min_spans = 4}});
  return set;
}

// Holds what a node tells; trace numbers in `others` belong to another node.
class FakePeers final : public Peers {
 public:
  base::Result<> announce(uint64_t plan, std::vector<model::KeptTrace> keeps) override {
    const std::lock_guard lock(mutex_);
    if (failures_ > 0) {
      --failures_;
      return base::fail(base::Errc::Io, "the disk is away");
    }
    messages_.push_back({.from = name, .number = ++number_, .plan = plan, .keeps = std::move(keeps), .moved = {}});
    return {};
  }
  bool is_others(const model::TraceId& id) const override {
    const std::lock_guard lock(mutex_);
    return others_.contains(id.bytes[15]);
  }
  base::Result<> tell_owners(uint64_t plan, std::vector<model::MovedTrace> moved) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back({.from = name, .number = ++number_, .plan = plan, .keeps = {}, .moved = std::move(moved)});
    return {};
  }

  void own_elsewhere(uint8_t trace) {
    const std::lock_guard lock(mutex_);
    others_.insert(trace);
  }
  void fail(int times) {
    const std::lock_guard lock(mutex_);
    failures_ = times;
  }
  std::vector<model::PeerNotes> told() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  size_t keeps_told() {
    size_t count = 0;
    for (const model::PeerNotes& one : told()) count += one.keeps.size();
    return count;
  }
  size_t features_told() {
    size_t count = 0;
    for (const model::PeerNotes& one : told()) count += one.moved.size();
    return count;
  }

  std::string name = "a";

 private:
  mutable std::mutex mutex_;
  std::set<uint8_t> others_;
  int failures_ = 0;
  uint64_t number_ = 0;
  std::vector<model::PeerNotes> messages_;
};

struct NodeOptions {
  sample::PolicySet policies = ingest::policies();
  base::Duration decision_wait = 50ms;
  base::Duration grace_age = 1h;
};

struct Node {
  explicit Node(std::string name, NodeOptions options_in = {}) : options(std::move(options_in)) {
    peers.name = std::move(name);
    start();
  }
  ~Node() { stop(); }

  void start() {
    decisions = store::open_decision_runs({.directory = "decisions"}, {disk, clock, metrics}).value();
    log = log::Log::open(disk, clock, metrics,
                         {.directory = "log",
                          .segment_bytes = 64 << 10,
                          .free_bytes_min = 0,
                          .sequence_after = decisions->highest_sequence()})
              .value();
    const auto plan = sample::Plan::compile(options.policies).value();
    decider = Decider::open(clock, *log, *decisions, plan, metrics, {.peers = &peers}).value();
    const PipelineOptions of_path{
        .shards = 2,
        .assemble = {.decision_wait = options.decision_wait,
                     .decides = true,
                     .grace_age = options.grace_age,
                     .late_wait = 10ms},
        .plan = feature_plan_of(*plan, {}),
        .sampling = plan,
    };
    auto started =
        Pipeline::start(clock, *log, *store, metrics, of_path, nullptr, nullptr, nullptr, decider.get(), &peers);
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
  // All that `other` has told so far; some of it again.
  void hear(Node& other) {
    for (const model::PeerNotes& notes : other.peers.told()) {
      const auto taken = pipeline->take_notes(notes);
      ASSERT_TRUE(taken) << taken.error().message;
    }
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
  // That its decision was made on, or that followed it.
  uint64_t known_spans(uint8_t trace) {
    const auto decided = why(trace);
    return decided.empty() ? 0 : decided.back().span_count + decided.back().late_span_count;
  }
  bool is_dropped(uint8_t trace) {
    return eventually([&] { return !why(trace).empty() && open(trace) == 0; }) &&
           why(trace).back().verdict == Verdict::Dropped;
  }
  bool stores(uint8_t trace, size_t spans) {
    return eventually([&] { return stored(trace) == spans; });
  }
  bool shows(const std::string& metric) { return metrics.render().find("\n" + metric + "\n") != std::string::npos; }

  NodeOptions options;
  FakePeers peers;
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

TEST(Peers, what_is_kept_for_evidence_is_announced_and_what_is_dropped_is_not) {
  Node a("a");
  a.send({{.trace = 1, .is_error = true}, {.trace = 2}});
  ASSERT_TRUE(a.stores(1, 1));
  ASSERT_TRUE(a.is_dropped(2));
  const auto told = a.peers.told();
  ASSERT_EQ(told.size(), 1u);
  ASSERT_EQ(told[0].keeps.size(), 1u);
  EXPECT_EQ(told[0].keeps[0], (model::KeptTrace{.id = trace_id(1), .policy = 0, .voted = 1}));
}

TEST(Peers, what_is_kept_by_its_id_alone_is_not_announced) {
  sample::PolicySet set;
  set.policies.push_back({.name = "all", .rule = sample::Probabilistic{.sampling_percentage = 100}});
  set.policies.push_back({.name = "errors", .rule = sample::StatusCodes{{model::StatusCode::Error}}});
  Node a("a", {.policies = set});
  a.send({{.trace = 1}, {.trace = 2, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 1) && a.stores(2, 1));
  ASSERT_EQ(a.peers.keeps_told(), 1u);
  EXPECT_EQ(a.peers.told()[0].keeps[0].id, trace_id(2));
}

TEST(Peers, late_evidence_and_a_persons_keep_are_announced) {
  Node a("a");
  a.send({{.trace = 1, .span = 1}, {.trace = 2}});
  ASSERT_TRUE(a.is_dropped(1) && a.is_dropped(2));
  a.send({{.trace = 1, .span = 2, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 2));
  EXPECT_EQ(a.peers.told().back().keeps[0].cause, DecisionCause::Reopened);
  ASSERT_TRUE(a.pipeline->keep(trace_id(2), DecisionCause::Person));
  EXPECT_EQ(a.peers.told().back().keeps[0].cause, DecisionCause::Person);
  // Others may have what is not here.
  EXPECT_EQ(a.pipeline->keep(trace_id(9), DecisionCause::Person).error().code, base::Errc::NotFound);
  EXPECT_EQ(a.peers.told().back().keeps[0].id, trace_id(9));
}

TEST(Peers, a_verdict_that_cannot_be_announced_waits) {
  Node a("a");
  a.peers.fail(2);
  a.send({{.trace = 1, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 1));
  EXPECT_EQ(a.peers.keeps_told(), 1u);
  EXPECT_EQ(a.why(1).size(), 1u);
}

TEST(Peers, a_peers_keep_takes_a_drop_back_and_is_not_announced_again) {
  Node a("a");
  Node b("b");
  b.send({{.trace = 1, .span = 2}});
  ASSERT_TRUE(b.is_dropped(1));
  a.send({{.trace = 1, .span = 1, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 1));
  b.hear(a);
  EXPECT_TRUE(b.stores(1, 1));
  const model::Decision last = b.why(1).back();
  EXPECT_EQ(last.cause, DecisionCause::Peer);
  EXPECT_EQ(last.policy, 0);  // as the peer's, since the policies are the same
  EXPECT_EQ(last.span_count, 1u);
  EXPECT_TRUE(b.peers.told().empty());
  b.hear(a);
  EXPECT_EQ(b.why(1).size(), 2u);
  EXPECT_TRUE(b.shows("backstitch_peer_keeps_total 1"));
  EXPECT_TRUE(b.shows("backstitch_peer_keeps_known_total 1"));
}

TEST(Peers, what_a_peer_keeps_is_kept_on_arrival) {
  Node a("a");
  Node b("b");
  a.send({{.trace = 1, .span = 1, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 1));
  b.hear(a);
  b.send({{.trace = 1, .span = 2}});
  EXPECT_TRUE(b.stores(1, 1));
  EXPECT_EQ(b.why(1).size(), 1u);
  EXPECT_TRUE(b.peers.told().empty());
}

TEST(Peers, what_a_peer_keeps_is_kept_after_a_kill) {
  Node a("a");
  Node b("b", {.decision_wait = 1h});
  b.send({{.trace = 1, .span = 2}});
  a.send({{.trace = 1, .span = 1, .is_error = true}, {.trace = 2, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 1) && a.stores(2, 1));
  b.hear(a);
  b.options.decision_wait = 50ms;
  b.restart();
  EXPECT_TRUE(b.stores(1, 1));
  b.send({{.trace = 2, .span = 7}});
  EXPECT_TRUE(b.stores(2, 1));
}

// However the peer's keep meets the end of the window here.
TEST(Peers, a_keep_that_comes_while_the_trace_is_being_dropped_is_not_lost) {
  Node a("a");
  for (uint8_t trace = 1; trace <= 60; ++trace) a.send({{.trace = trace, .span = 1, .is_error = true}});
  ASSERT_TRUE(eventually([&] { return a.peers.keeps_told() == 60; }));
  Node b("b", {.decision_wait = 20ms});
  std::vector<SpanSpec> parts;
  for (uint8_t trace = 1; trace <= 60; ++trace) parts.push_back({.trace = trace, .span = 2});
  b.send(parts);
  ASSERT_TRUE(eventually([&] { return !b.why(1).empty() || b.open(1) == 1; }));
  b.hear(a);
  for (uint8_t trace = 1; trace <= 60; ++trace) {
    ASSERT_TRUE(b.stores(trace, 1)) << int{trace};
    ASSERT_TRUE(eventually([&] { return b.why(trace).back().verdict == Verdict::Kept; })) << int{trace};
  }
  b.send({{.trace = 60, .span = 3}});
  EXPECT_TRUE(b.stores(60, 2));
}

TEST(Peers, keeps_of_nodes_with_other_policies_count_all_the_same) {
  Node a("a");
  sample::PolicySet other;
  other.policies.push_back({.name = "slow", .rule = sample::Latency{.threshold = 9s}});
  Node b("b", {.policies = other});
  b.send({{.trace = 1, .span = 2}});
  a.send({{.trace = 1, .span = 1, .is_error = true}});
  ASSERT_TRUE(a.stores(1, 1));
  b.hear(a);
  EXPECT_TRUE(b.stores(1, 1));
  EXPECT_EQ(b.why(1).back().policy, model::Decision::kNoPolicy);
}

// Each part takes 10 ms; the trace takes two seconds.
TEST(Peers, a_trace_that_is_slow_only_as_a_whole_is_kept_by_its_owner_and_then_by_all) {
  Node a("a");
  Node b("b");
  a.peers.own_elsewhere(1);
  a.send({{.trace = 1, .span = 1}});
  b.send({{.trace = 1, .span = 2, .start = 2s}});
  ASSERT_TRUE(a.is_dropped(1) && b.is_dropped(1));
  ASSERT_EQ(a.peers.features_told(), 1u);
  EXPECT_EQ(b.peers.features_told(), 0u);
  b.hear(a);
  EXPECT_TRUE(b.stores(1, 1));
  EXPECT_EQ(b.why(1).back().policy, 1);
  EXPECT_EQ(b.why(1).back().span_count, 2u);
  a.hear(b);
  EXPECT_TRUE(a.stores(1, 1));
}

TEST(Peers, features_that_come_before_any_span_are_waiting_for_them_also_after_a_kill) {
  Node a("a");
  Node b("b");
  a.peers.own_elsewhere(1);
  a.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(a.is_dropped(1));
  b.hear(a);
  ASSERT_TRUE(b.is_dropped(1));
  EXPECT_EQ(b.open(1), 0u);
  b.restart();
  b.hear(a);
  EXPECT_TRUE(b.shows("backstitch_peer_features_refused_total{reason=\"repeated\"} 1"));
  b.send({{.trace = 1, .span = 2, .start = 2s}});
  EXPECT_TRUE(b.stores(1, 1));
  a.hear(b);
  EXPECT_TRUE(a.stores(1, 1));
}

TEST(Peers, features_are_known_whatever_the_moment_of_a_kill) {
  Node a("a");
  Node b("b", {.decision_wait = 1h});
  a.peers.own_elsewhere(1);
  a.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(a.is_dropped(1));
  b.hear(a);
  b.options.decision_wait = 50ms;
  b.restart();
  b.send({{.trace = 1, .span = 2, .start = 2s}});
  EXPECT_TRUE(b.stores(1, 1));
}

TEST(Peers, a_trace_that_only_a_peer_knows_is_seen_by_nobody_and_gives_the_log_back) {
  Node a("a");
  Node b("b", {.grace_age = 0s});
  a.peers.own_elsewhere(1);
  a.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(a.is_dropped(1));
  b.hear(a);
  ASSERT_TRUE(b.is_dropped(1));
  EXPECT_EQ(b.stored(1), 0u);
  ASSERT_TRUE(b.decisions->flush());
  EXPECT_TRUE(eventually([&] {
    b.log->trim();
    return b.log->segment_count() == 0;
  }));
}

TEST(Peers, spans_count_once_however_often_they_are_told_of) {
  Node a("a");
  Node b("b");
  a.peers.own_elsewhere(1);
  a.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(a.is_dropped(1));
  b.hear(a);
  b.hear(a);
  b.send({{.trace = 1, .span = 2}});
  // A late one is told of alone.
  a.send({{.trace = 1, .span = 3}});
  ASSERT_TRUE(eventually([&] { return a.peers.features_told() == 2; }));
  b.hear(a);
  EXPECT_TRUE(eventually([&] { return b.known_spans(1) == 3; }));
  EXPECT_EQ(b.stored(1), 0u);
  b.send({{.trace = 1, .span = 4}});
  EXPECT_TRUE(b.stores(1, 2));  // "many"
  EXPECT_EQ(b.why(1).back().policy, 2);
}

// Their lists differ for a moment.
TEST(Peers, two_nodes_that_each_take_the_other_for_the_owner_come_to_an_end) {
  Node a("a");
  Node b("b");
  a.peers.own_elsewhere(1);
  b.peers.own_elsewhere(1);
  a.send({{.trace = 1, .span = 1}});
  ASSERT_TRUE(a.is_dropped(1));
  b.send({{.trace = 1, .span = 2}});
  ASSERT_TRUE(b.is_dropped(1));
  for (int round = 0; round < 5; ++round) {
    b.hear(a);
    a.hear(b);
  }
  ASSERT_TRUE(eventually([&] { return a.known_spans(1) >= 2; }));
  ASSERT_TRUE(eventually([&] { return b.known_spans(1) >= 2; }));
  EXPECT_EQ(a.peers.features_told(), 1u);
  EXPECT_EQ(b.peers.features_told(), 1u);
}

TEST(Peers, open_traces_that_became_anothers_are_told_of_at_once_and_once) {
  Node a("a", {.decision_wait = 1h});
  Node b("b", {.decision_wait = 1h});
  a.send({{.trace = 1, .span = 1}, {.trace = 2, .span = 1}});
  ASSERT_TRUE(a.pipeline->members_changed());
  EXPECT_EQ(a.peers.features_told(), 0u);
  a.peers.own_elsewhere(1);
  ASSERT_TRUE(a.pipeline->members_changed());
  ASSERT_EQ(a.peers.features_told(), 1u);
  EXPECT_EQ(a.peers.told()[0].moved[0].id, trace_id(1));
  b.hear(a);
  b.send({{.trace = 1, .span = 2, .start = 2s}});
  ASSERT_TRUE(b.pipeline->drain(10s, true));
  EXPECT_EQ(b.stored(1), 1u);
  a.hear(b);
  ASSERT_TRUE(a.pipeline->drain(10s, true));
  EXPECT_EQ(a.stored(1), 1u);
  EXPECT_EQ(a.stored(2), 0u);
  EXPECT_EQ(a.peers.features_told(), 1u);
}

// The rest of it is on its way to the new owner, or was dropped there.
TEST(Peers, traces_that_were_dropped_just_before_they_became_anothers_are_told_of) {
  Node a("a");
  Node b("b");
  a.send({{.trace = 1, .span = 1}});
  b.send({{.trace = 1, .span = 2, .start = 2s}});
  ASSERT_TRUE(a.is_dropped(1) && b.is_dropped(1));
  a.peers.own_elsewhere(1);
  ASSERT_TRUE(a.pipeline->members_changed());
  b.hear(a);
  EXPECT_TRUE(b.stores(1, 1));
}

TEST(Peers, features_of_other_policies_or_of_no_kind_are_counted_and_left) {
  Node b("b");
  const uint64_t plan = b.decider->plan().fingerprint();
  ASSERT_TRUE(b.pipeline->take_notes(
      {.from = "a", .number = 1, .plan = plan + 1, .keeps = {}, .moved = {{.id = trace_id(1), .features = "x"}}}));
  EXPECT_TRUE(b.shows("backstitch_peer_features_refused_total{reason=\"other_policies\"} 1"));
  ASSERT_TRUE(b.pipeline->take_notes(
      {.from = "a", .number = 2, .plan = plan, .keeps = {}, .moved = {{.id = trace_id(1), .features = "x"}}}));
  EXPECT_TRUE(b.shows("backstitch_peer_features_refused_total{reason=\"malformed\"} 1"));
}

}  // namespace
}  // namespace backstitch::ingest
