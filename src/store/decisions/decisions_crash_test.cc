// A scripted life of the store (appends, flushes, merges, retention, policy sets, a restart) is stopped or failed at
// every single call to the disk in turn. The log gives again what was not durable, as after any crash; then nothing is
// lost, nothing counts twice, and there is no file that nobody knows.
#include <gtest/gtest.h>
#include <map>

#include "store/decisions/decisions_testing.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using conformance::decision_id;
using conformance::dropped;
using Damage = base::SimulatedFileSystem::Damage;

constexpr uint64_t kLongTrace = 1'000'000;  // gets one decision and one late span with each batch

// ThreadSanitizer looks for races and takes fifty times as long: it sees a part of the calls.
#ifdef __SANITIZE_THREAD__
constexpr uint64_t kCallStep = 5;
#else
constexpr uint64_t kCallStep = 1;
#endif

// What the log holds: batch n has sequence n, and decides about trace n at second n.
struct Script {
  uint64_t last = 0;
  uint64_t removed_below = 0;  // decisions of these batches may be gone
  std::map<uint32_t, std::string> policy_sets;
};

model::DecisionBatch batch_of(uint64_t number) {
  return {.decisions = {dropped(number, number), dropped(kLongTrace, number)},
          .late_spans = {{decision_id(kLongTrace), 1, dropped(0, number).decided},
                         {decision_id(number - 1), 1, dropped(0, number).decided}}};
}

class DecisionsCrashTest : public testing::Test {
 protected:
  void new_disk(uint64_t seed) {
    rig_.reset();
    disk_ = std::make_unique<base::SimulatedFileSystem>(seed);
    DecisionRunOptions options = small_runs();
    options.flush_records = 5;  // two batches
    options.page_records = 2;
    options.merge.small_records = 10;
    rig_ = std::make_unique<Rig>(*disk_, options);
  }
  DecisionStore& store() { return rig_->store(); }

  // The replay of the log.
  base::Result<> open(const Script& script) {
    if (auto opened = rig_->open(); !opened) return opened;
    for (uint64_t number = 1; number <= script.last; ++number) {
      if (auto appended = store().append(batch_of(number), number); !appended) return appended;
    }
    return {};
  }

  void append_next(Script& script) {
    ++script.last;
    ASSERT_TRUE(store().append(batch_of(script.last), script.last));
    EXPECT_LE(store().durable_sequence(), store().highest_sequence());
  }

  void maintain(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (!store().maintain({}).value_or(false)) return;
    }
  }

  void remove_before(uint64_t number, Script& script) {
    script.removed_below = std::max(script.removed_below, number);
    (void)store().remove_decided_before(dropped(0, number).decided);
  }

  void add_policy_set(const std::string& text, Script& script) {
    const auto number = store().add_policy_set({.names = {}, .text = text});
    if (number) script.policy_sets[*number] = text;
  }

  // One process. False if it could not start.
  bool run_process(Script& script, const std::string& policies) {
    if (!open(script)) return false;
    add_policy_set(policies, script);
    for (int i = 0; i < 14; ++i) {
      append_next(script);
      maintain(2);
      if (i == 8 && script.last > 10) remove_before(script.last - 9, script);
    }
    (void)store().flush();
    maintain(10);
    return true;
  }
  void run(Script& script) {
    if (!run_process(script, "a")) return;
    run_process(script, "b");
    if (rig_->is_open()) remove_before(script.last + 1, script);
    if (rig_->is_open()) append_next(script);
  }

  void expect_no_orphans() {
    size_t runs = 0;
    for (const auto& [path, content] : disk_->snapshot()) {
      const std::string name = path.substr(path.rfind('/') + 1);
      EXPECT_TRUE(name == "sequence" || name.ends_with(".run") || name.ends_with(".policies")) << path;
      runs += name.ends_with(".run") ? 1 : 0;
    }
    EXPECT_EQ(runs, store().stats().runs);
  }

  void expect_decisions(const Script& script) {
    const auto long_trace = store().find(decision_id(kLongTrace));
    ASSERT_TRUE(long_trace) << long_trace.error().message;
    std::map<uint64_t, model::Decision> of_long;
    for (const model::Decision& decision : long_trace->decisions) {
      const uint64_t number = (decision.decided.unix_nanos - dropped(0, 0).decided.unix_nanos) / 1'000'000'000;
      EXPECT_TRUE(of_long.empty() || of_long.rbegin()->first < number) << "twice or out of order";
      of_long.emplace(number, decision);
    }
    for (uint64_t number = 1; number <= script.last; ++number) {
      const auto history = store().find(decision_id(number));
      ASSERT_TRUE(history) << history.error().message;
      EXPECT_EQ(history->decisions.size(), of_long.count(number)) << "half a batch, or twice: " << number;
      EXPECT_TRUE(number < script.removed_below || history->decisions.size() == 1) << number << " is lost";
      model::Decision wanted = dropped(number, number);
      if (number < script.last) wanted.late_span_count = 1;
      if (!history->decisions.empty()) {
        EXPECT_EQ(history->decisions[0], wanted) << number;
        model::Decision long_wanted = dropped(kLongTrace, number);
        long_wanted.late_span_count = 1;
        EXPECT_EQ(of_long[number], long_wanted);
      }
    }
    for (const auto& [number, text] : script.policy_sets) {
      const auto set = store().policy_set(number);
      ASSERT_TRUE(set) << set.error().message;
      EXPECT_EQ(set->text, text);
    }
  }

  void check(Script script) {
    const double failed_reads = rig_->metric("backstitch_decision_reads_failed_total");  // while the disk failed
    const auto opened = open(script);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(store().highest_sequence(), script.last);
    expect_no_orphans();
    expect_decisions(script);
    EXPECT_EQ(rig_->metric("backstitch_decision_runs_damaged_total"), 0);

    // It goes on as if nothing had been.
    append_next(script);
    ASSERT_TRUE(store().flush());
    maintain_all(store());
    expect_decisions(script);
    ASSERT_TRUE(rig_->open());
    EXPECT_EQ(store().highest_sequence(), script.last);
    expect_no_orphans();
    expect_decisions(script);
    while (store().remove_oldest().value() != 0) {
    }
    expect_no_orphans();
    ASSERT_TRUE(rig_->open());
    EXPECT_EQ(store().durable_sequence(), script.last);
    EXPECT_EQ(rig_->metric("backstitch_decision_reads_failed_total"), failed_reads);
  }

  // Calls `end` after the script was stopped at each call in turn, then checks.
  template <typename End>
  void stop_at_every_call(uint64_t rounds, End end) {
    for (uint64_t call = 1;; call += kCallStep) {
      for (uint64_t round = 0; round < rounds; ++round) {
        for (const Damage damage : {Damage::None, Damage::Torn}) {
          SCOPED_TRACE(testing::Message() << "stopped at call " << call << ", seed " << round << ", "
                                          << (damage == Damage::Torn ? "torn" : "not begun"));
          new_disk(call * 100 + round);
          Script script;
          disk_->stop_at(call, damage);
          run(script);
          const bool was_stopped = disk_->calls() >= call;
          end(call * 100 + round);
          check(script);
          if (HasFailure() || !was_stopped) return;
        }
      }
    }
  }

  void fail_at_every_call(Errc code, Damage damage) {
    for (uint64_t call = 1;; call += kCallStep) {
      SCOPED_TRACE(testing::Message() << "failed at call " << call);
      new_disk(call);
      Script script;
      disk_->fail_at(call, code, damage);
      run(script);
      const bool was_met = disk_->calls() >= call;
      disk_->clear_faults();
      // The disk works again: so does the store, without a restart where it could start at all.
      if (rig_->is_open()) {
        expect_decisions(script);
        append_next(script);
        ASSERT_TRUE(store().flush());
        maintain_all(store());
        expect_no_orphans();
        expect_decisions(script);
      }
      disk_->kill_process();
      check(script);
      if (HasFailure() || !was_met) return;
    }
  }

  std::unique_ptr<base::SimulatedFileSystem> disk_;
  std::unique_ptr<Rig> rig_;
};

TEST_F(DecisionsCrashTest, the_script_does_what_may_fail) {
  new_disk(1);
  Script script;
  run(script);
  EXPECT_GE(rig_->metric("backstitch_decision_merges_total"), 4);
  EXPECT_GE(rig_->metric("backstitch_decisions_removed_total"), 10);
  EXPECT_EQ(script.policy_sets.size(), 2u);
  check(script);
}

TEST_F(DecisionsCrashTest, a_process_killed_at_any_call_loses_and_doubles_nothing) {
  stop_at_every_call(1, [&](uint64_t) { disk_->kill_process(); });
}

TEST_F(DecisionsCrashTest, power_lost_at_any_call_loses_and_doubles_nothing) {
  stop_at_every_call(1, [&](uint64_t) { disk_->lose_power(); });
}

TEST_F(DecisionsCrashTest, power_lost_at_any_call_keeping_any_part_loses_and_doubles_nothing) {
  stop_at_every_call(2, [&](uint64_t seed) { disk_->lose_power(seed); });
}

TEST_F(DecisionsCrashTest, an_io_error_at_any_call_loses_and_doubles_nothing) {
  for (const Damage damage : {Damage::None, Damage::Torn}) fail_at_every_call(Errc::Io, damage);
}

TEST_F(DecisionsCrashTest, a_full_disk_at_any_call_loses_and_doubles_nothing) {
  for (const Damage damage : {Damage::None, Damage::Torn}) fail_at_every_call(Errc::NoSpace, damage);
}

TEST_F(DecisionsCrashTest, a_disk_that_stays_full_still_answers_and_is_free_again_after_retention) {
  new_disk(1);
  Script script;
  ASSERT_TRUE(rig_->open());
  for (int i = 0; i < 20; ++i) append_next(script);
  ASSERT_TRUE(store().flush());
  uint64_t used = 0;
  for (const auto& [path, content] : disk_->snapshot()) used += content.size();
  disk_->set_capacity(used + 100);
  append_next(script);
  EXPECT_EQ(store().flush().error().code, Errc::NoSpace);
  EXPECT_EQ(store().durable_sequence(), 20u);
  expect_decisions(script);
  disk_->set_capacity(used + 400);
  remove_before(21, script);
  ASSERT_TRUE(store().flush());
  EXPECT_EQ(store().durable_sequence(), 21u);
  EXPECT_EQ(store().find(decision_id(21))->decisions.size(), 1u);
}

}  // namespace
}  // namespace backstitch::store::decisions
