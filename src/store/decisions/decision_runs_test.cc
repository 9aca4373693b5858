#include "store/decisions/decision_runs.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "store/conformance/temporary_directory.h"
#include "store/decisions/decisions_testing.h"
#include "store/memory/memory_decisions.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using conformance::decision_id;
using conformance::dropped;
using conformance::kept;
using model::Decision;
using model::TraceId;

class RunsFixture final : public conformance::DecisionFixture {
 public:
  RunsFixture() { EXPECT_TRUE(reopen()); }
  DecisionStore& store() override { return rig_.store(); }
  bool reopen() override { return rig_.open().has_value(); }
  Rig& rig() { return rig_; }

 private:
  static DecisionRunOptions in(const std::string& directory) {
    DecisionRunOptions options = small_runs();
    options.directory = directory;
    return options;
  }
  conformance::TemporaryDirectory directory_;
  const std::unique_ptr<base::FileSystem> files_ = base::make_real_file_system();
  Rig rig_{*files_, in(directory_ / "data/decisions")};
};

}  // namespace
}  // namespace backstitch::store::decisions

namespace backstitch::store::conformance {
namespace {

INSTANTIATE_TEST_SUITE_P(Runs, DecisionConformance,
                         testing::Values(DecisionStoreUnderTest{
                             "runs", [] { return std::make_unique<decisions::RunsFixture>(); }}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace backstitch::store::conformance

namespace backstitch::store::decisions {
namespace {

class DecisionRunsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(rig_.open()); }
  DecisionStore& store() { return rig_.store(); }
  void append_many(uint64_t count) {
    model::DecisionBatch batch;
    for (uint64_t i = 0; i < count; ++i) batch.decisions.push_back(dropped(++last_));
    ASSERT_TRUE(store().append(batch, last_));
  }

  base::SimulatedFileSystem disk_;
  Rig rig_{disk_};
  uint64_t last_ = 0;
};

TEST_F(DecisionRunsTest, random_decisions_are_found_and_listed_as_the_memory_store_does) {
  const uint64_t seed = conformance::decision_seed();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  const auto twin = make_memory_decisions();
  std::set<TraceId> ids;
  for (uint64_t sequence = 1; sequence <= 300; ++sequence) {
    const model::DecisionBatch batch = conformance::random_decisions(random, 500, 20);
    for (const Decision& decision : batch.decisions) ids.insert(decision.id);
    ASSERT_TRUE(store().append(batch, sequence));
    ASSERT_TRUE(twin->append(batch, sequence));
    if (random.chance(0.5)) {
      ASSERT_TRUE(store().maintain({}));
    }
    if (random.chance(0.05)) {
      ASSERT_TRUE(store().flush());
      ASSERT_TRUE(rig_.open());
    }
    if (random.chance(0.1)) maintain_all(store());
  }
  EXPECT_GT(rig_.metric("backstitch_decision_merges_total"), 3);
  for (const TraceId& id : ids) ASSERT_EQ(store().find(id), twin->find(id));
  for (int i = 0; i < 300; ++i) {
    const TraceId after = conformance::random_decision(random, 1000).id;
    const auto limit = static_cast<uint32_t>(random.below(50));
    ASSERT_EQ(store().list(after, limit), twin->list(after, limit));
  }
}

TEST_F(DecisionRunsTest, memory_becomes_a_run_when_it_is_many_or_old) {
  append_many(19);
  EXPECT_EQ(store().maintain({}), false);
  EXPECT_EQ(store().stats().pending, 19u);
  EXPECT_EQ(store().durable_sequence(), 0u);
  append_many(1);
  EXPECT_EQ(store().maintain({}), true);
  EXPECT_EQ(store().stats(), (DecisionStats{.records = 20,
                                            .pending = 0,
                                            .runs = 1,
                                            .disk_bytes = store().stats().disk_bytes,
                                            .index_bytes = store().stats().index_bytes}));
  EXPECT_EQ(store().durable_sequence(), 20u);
  append_many(1);
  rig_.clock().advance(std::chrono::seconds(59));
  append_many(1);
  EXPECT_EQ(store().maintain({}), false);
  rig_.clock().advance(std::chrono::seconds(1));
  EXPECT_EQ(store().maintain({}), true);
  EXPECT_EQ(store().durable_sequence(), 22u);
}

TEST_F(DecisionRunsTest, what_was_not_flushed_is_the_logs_to_give_again) {
  append_many(5);
  ASSERT_TRUE(store().flush());
  append_many(5);
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(store().highest_sequence(), 5u);
  EXPECT_TRUE(store().find(decision_id(7))->decisions.empty());
  EXPECT_EQ(store().find(decision_id(5))->decisions.size(), 1u);
}

TEST_F(DecisionRunsTest, too_many_that_wait_are_refused_until_they_are_written) {
  DecisionRunOptions options = small_runs();
  options.pending_max = 30;
  base::SimulatedFileSystem disk;
  Rig rig(disk, options);
  ASSERT_TRUE(rig.open());
  model::DecisionBatch batch;
  for (uint64_t i = 0; i < 25; ++i) batch.decisions.push_back(dropped(i + 1));
  ASSERT_TRUE(rig.store().append(batch, 1));
  const auto refused = rig.store().append(batch, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (base::Error{Errc::Overloaded, "25 decisions wait to be written; the limit is 30"}));
  EXPECT_EQ(rig.metric("backstitch_decision_batches_refused_total"), 1);
  EXPECT_EQ(rig.store().highest_sequence(), 1u);
  ASSERT_TRUE(rig.store().maintain({}));
  EXPECT_TRUE(rig.store().append(batch, 2));
  EXPECT_EQ(rig.store().find(decision_id(3))->decisions.size(), 2u);
}

TEST_F(DecisionRunsTest, runs_are_merged_and_late_spans_join_their_decision) {
  for (uint64_t round = 0; round < 8; ++round) {
    append_many(20);
    ASSERT_TRUE(store().append({.decisions = {}, .late_spans = {{decision_id(3), 1, {}}}}, ++last_));
    ASSERT_TRUE(store().flush());
  }
  EXPECT_EQ(store().stats().runs, 8u);
  maintain_all(store());
  EXPECT_EQ(store().stats().runs, 1u);
  EXPECT_EQ(store().find(decision_id(3))->decisions.at(0).late_span_count, 8u);
  EXPECT_EQ(store().stats().records, 160u);
  size_t runs = 0;
  for (const auto& [path, content] : disk_.snapshot()) runs += path.ends_with(".run") ? 1 : 0;
  EXPECT_EQ(runs, store().stats().runs);
}

TEST_F(DecisionRunsTest, a_merge_that_is_told_to_stop_changes_nothing) {
  for (int round = 0; round < 3; ++round) {
    append_many(20);
    ASSERT_TRUE(store().flush());
  }
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(store().maintain(source.get_token()), false);
  EXPECT_EQ(store().stats().runs, 3u);
}

TEST_F(DecisionRunsTest, a_trace_of_more_decisions_than_a_page_is_found_whole) {
  model::DecisionBatch batch{.decisions = {dropped(1), dropped(9)}};
  for (uint64_t i = 0; i < 50; ++i) batch.decisions.push_back(kept(5, i));
  ASSERT_TRUE(store().append(batch, 1));
  ASSERT_TRUE(store().flush());
  const auto history = store().find(decision_id(5));
  ASSERT_EQ(history->decisions.size(), 50u);
  for (uint64_t i = 0; i < 50; ++i) EXPECT_EQ(history->decisions[i], kept(5, i));
  EXPECT_EQ(store().find(decision_id(9))->decisions.size(), 1u);
}

TEST_F(DecisionRunsTest, of_very_many_decisions_the_newest_are_told) {
  model::DecisionBatch batch;
  for (uint64_t i = 0; i < DecisionHistory::kDecisionsMax + 5; ++i) batch.decisions.push_back(kept(5, i));
  ASSERT_TRUE(store().append(batch, 1));
  const auto history = store().find(decision_id(5));
  EXPECT_TRUE(history->is_partial);
  ASSERT_EQ(history->decisions.size(), DecisionHistory::kDecisionsMax);
  EXPECT_EQ(history->decisions.front(), kept(5, 5));
}

TEST_F(DecisionRunsTest, a_read_that_failed_says_that_the_next_may_tell_more) {
  ASSERT_TRUE(store().append({.decisions = {kept(5, 1)}, .late_spans = {}}, 1));
  ASSERT_TRUE(store().flush());
  ASSERT_TRUE(store().append({.decisions = {kept(5, 2)}, .late_spans = {}}, 2));
  disk_.fail_at(1, base::Errc::Io);
  const auto history = store().find(decision_id(5));
  ASSERT_TRUE(history);
  EXPECT_EQ(history->decisions, std::vector{kept(5, 2)});
  EXPECT_TRUE(history->is_partial && history->may_read_later);
  const auto again = store().find(decision_id(5));
  EXPECT_EQ(again->decisions.size(), 2u);
  EXPECT_FALSE(again->is_partial || again->may_read_later);
}

TEST_F(DecisionRunsTest, reads_beside_appends_and_maintenance_see_each_decision_once) {
  constexpr uint64_t kBatches = 200;
  std::jthread writer([&](const std::stop_token&) {
    for (uint64_t sequence = 1; sequence <= kBatches; ++sequence) {
      model::DecisionBatch batch{.decisions = {dropped(1, sequence)}};
      for (uint64_t i = 0; i < 10; ++i) batch.decisions.push_back(dropped(sequence * 100 + i));
      ASSERT_TRUE(store().append(batch, sequence));
    }
  });
  std::jthread maintainer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) ASSERT_TRUE(store().maintain({}));
  });
  size_t last = 0;
  while (last < kBatches) {
    const auto history = store().find(decision_id(1));
    ASSERT_TRUE(history);
    ASSERT_GE(history->decisions.size(), last);
    last = history->decisions.size();
    for (size_t i = 0; i < last; ++i) ASSERT_EQ(history->decisions[i], dropped(1, i + 1));
  }
}

TEST_F(DecisionRunsTest, another_process_is_kept_out) {
  Rig other(disk_);
  EXPECT_EQ(other.open().error().code, Errc::AlreadyExists);
}

TEST_F(DecisionRunsTest, gauges_outlive_the_store) {
  append_many(20);
  ASSERT_TRUE(store().flush());
  EXPECT_EQ(rig_.metric("backstitch_decisions"), 20);
  EXPECT_EQ(rig_.metric("backstitch_decision_runs"), 1);
  EXPECT_EQ(rig_.metric("backstitch_decision_run_bytes"), static_cast<double>(store().stats().disk_bytes));
  rig_.close();
  EXPECT_EQ(rig_.metric("backstitch_decisions"), 20);
}

}  // namespace
}  // namespace backstitch::store::decisions
