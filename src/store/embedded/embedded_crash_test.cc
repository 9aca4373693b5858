// A scripted life of the store (appends, merges, retention, a restart) is stopped or failed at every single call to the
// disk in turn. Whatever was promised must hold afterwards: nothing acknowledged lost, nothing there twice, no file
// that nobody knows.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>

#include "store/embedded/embedded_testing.h"
#include "store/embedded/store_files.h"

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using conformance::append;
using conformance::sealed;
using conformance::sealed_at;
using conformance::trace_id;
using Damage = base::SimulatedFileSystem::Damage;

enum class Fate { Refused, Acknowledged, Removed };

constexpr uint64_t kLongTrace = 1'000'000;  // gets one fragment, of one span, with each append

// What the script did, by the number of the append; the id of its trace, its span in the long trace, what it covers and
// when it was sealed are that number too.
struct Script {
  std::map<uint64_t, Fate> appends;
  uint64_t last = 0;
};

// ThreadSanitizer looks for races and takes fifty times as long: it sees a part of the calls.
#ifdef __SANITIZE_THREAD__
constexpr uint64_t kCallStep = 5;
#else
constexpr uint64_t kCallStep = 1;
#endif

class EmbeddedCrashTest : public testing::Test {
 protected:
  void new_disk(uint64_t seed) {
    rig_.reset();
    disk_ = std::make_unique<base::SimulatedFileSystem>(seed);
    rig_ = std::make_unique<Rig>(*disk_);
  }
  TraceStore& store() { return rig_->store(); }

  void append_next(Script& script) {
    const uint64_t number = ++script.last;
    const bool is_appended =
        store()
            .append(std::vector{sealed_at(number, sealed(number, number, {{.span = 1}, {.span = 2, .parent = 1}})),
                                sealed_at(number, sealed(kLongTrace, number, {{.span = number, .start = number}}))})
            .has_value();
    script.appends[number] = is_appended ? Fate::Acknowledged : Fate::Refused;
  }

  // From now on those up to `number` may be gone.
  void remove_up_to(uint64_t number, Script& script) {
    for (auto& [appended, fate] : script.appends) {
      if (appended <= number && fate == Fate::Acknowledged) fate = Fate::Removed;
    }
    (void)store().remove_sealed_before({number + 1}, 1000);
  }

  // One process: six appends, a merge of what is there, and retention before, between and after. False if it could not
  // start.
  bool run_process(Script& script) {
    if (!rig_->open()) return false;
    for (int i = 1; i <= 6; ++i) {
      append_next(script);
      if (i == 2 && script.last > 2) remove_up_to(script.last - 2, script);
    }
    while (store().maintain({}).value_or(false)) {
    }
    return true;
  }
  void run(Script& script) {
    if (!run_process(script)) return;
    run_process(script);
    if (rig_->is_open()) remove_up_to(script.last, script);
    if (rig_->is_open()) append_next(script);
  }

  // How often each trace stands in blocks.
  std::map<uint64_t, int> places() {
    std::map<uint64_t, int> counts;
    for (const auto& block : rig_->store().blocks()) {
      for (uint32_t group = 0; group < block->index().groups.size(); ++group) {
        const auto heads = block->read_heads(group);
        EXPECT_TRUE(heads);
        for (const block::TraceHead& head : *heads) ++counts[head.id.low64()];
      }
    }
    return counts;
  }

  void expect_no_orphans() {
    size_t blocks = 0;
    for (const auto& [path, content] : disk_->snapshot()) {
      const std::string name = path.substr(path.rfind('/') + 1);
      const auto file = parse_file_name(name);
      EXPECT_TRUE(name == kFormatFile || name == kSequenceFile || (file && file->kind == FileKind::Block)) << path;
      blocks += file ? 1 : 0;
    }
    EXPECT_EQ(blocks, rig_->store().blocks().size());
  }

  void expect_traces(const Script& script, bool may_show_refused) {
    const auto counts = places();
    const auto long_trace = store().find(trace_id(kLongTrace));
    for (const auto& [number, fate] : script.appends) {
      const auto trace = store().find(trace_id(number));
      const int count = counts.contains(number) ? counts.at(number) : 0;
      EXPECT_LE(count, 1) << "trace " << number << " is there twice";
      EXPECT_EQ(trace.has_value(), count == 1) << number;
      const bool is_in_long_trace = long_trace && std::ranges::any_of(long_trace->spans, [&](const model::Span& span) {
                                      return span.span_id == conformance::span_id(number);
                                    });
      EXPECT_EQ(is_in_long_trace, trace.has_value()) << "half a batch: " << number;
      if (trace) {
        EXPECT_EQ(trace->spans.size(), 2u) << number;
      }
      EXPECT_TRUE(trace || fate != Fate::Acknowledged) << "trace " << number << " is lost";
      EXPECT_TRUE(!trace || fate != Fate::Refused || may_show_refused) << "trace " << number << " was refused";
    }
    if (long_trace) {
      EXPECT_LE(long_trace->spans.size(), script.appends.size());
    }
  }

  // `may_show_refused`: the process ended inside a call, whose batch may or may not be there.
  void check(Script script, bool may_show_refused) {
    const auto opened = rig_->open();
    ASSERT_TRUE(opened) << opened.error().message;
    expect_no_orphans();
    expect_traces(script, may_show_refused);
    uint64_t highest = 0;
    for (const auto& [number, fate] : script.appends) {
      if (fate != Fate::Refused) highest = number;
    }
    EXPECT_GE(store().highest_sequence().value(), highest);
    EXPECT_EQ(rig_->metric("backstitch_store_blocks_damaged_total"), 0);

    // It goes on as if nothing had been.
    append_next(script);
    EXPECT_EQ(script.appends[script.last], Fate::Acknowledged);
    maintain_all(store());
    ASSERT_TRUE(rig_->open());
    expect_no_orphans();
    expect_traces(script, may_show_refused);
    EXPECT_GT(store().remove_oldest(1'000'000).value(), 0u);
    EXPECT_EQ(rig_->store().blocks().size(), 0u);
    expect_no_orphans();
    EXPECT_EQ(store().highest_sequence(), script.last);
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
          check(script, was_stopped);
          if (HasFailure()) return;
          if (!was_stopped) return;
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
      if (rig_->is_open()) expect_traces(script, false);
      // The disk works again: so does the store, without a restart where it could start at all.
      if (!rig_->is_open()) {
        ASSERT_TRUE(rig_->open());
      }
      append_next(script);
      EXPECT_EQ(script.appends[script.last], Fate::Acknowledged);
      maintain_all(store());
      expect_no_orphans();
      disk_->kill_process();
      check(script, false);
      if (HasFailure() || !was_met) return;
    }
  }

  std::unique_ptr<base::SimulatedFileSystem> disk_;
  std::unique_ptr<Rig> rig_;
};

TEST_F(EmbeddedCrashTest, a_process_killed_at_any_call_loses_and_doubles_nothing) {
  stop_at_every_call(1, [&](uint64_t) { disk_->kill_process(); });
}

TEST_F(EmbeddedCrashTest, power_lost_at_any_call_loses_and_doubles_nothing) {
  stop_at_every_call(1, [&](uint64_t) { disk_->lose_power(); });
}

TEST_F(EmbeddedCrashTest, power_lost_at_any_call_keeping_any_part_loses_and_doubles_nothing) {
  stop_at_every_call(2, [&](uint64_t seed) { disk_->lose_power(seed); });
}

TEST_F(EmbeddedCrashTest, an_io_error_at_any_call_loses_and_doubles_nothing) {
  for (const Damage damage : {Damage::None, Damage::Torn}) fail_at_every_call(Errc::Io, damage);
}

TEST_F(EmbeddedCrashTest, a_full_disk_at_any_call_loses_and_doubles_nothing) {
  for (const Damage damage : {Damage::None, Damage::Torn}) fail_at_every_call(Errc::NoSpace, damage);
}

TEST_F(EmbeddedCrashTest, a_disk_that_stays_full_refuses_appends_and_still_answers_and_lets_retention_free_it) {
  new_disk(1);
  ASSERT_TRUE(rig_->open());
  Script script;
  for (int i = 0; i < 3; ++i) append_next(script);
  uint64_t used = 0;
  for (const auto& [path, content] : disk_->snapshot()) used += content.size();
  disk_->set_capacity(used + 100);
  const auto refused = store().append(std::vector{sealed(77, 77, {{}})});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::NoSpace);
  expect_traces(script, false);
  expect_no_orphans();
  EXPECT_EQ(rig_->metric("backstitch_store_appends_failed_total"), 1);
  EXPECT_EQ(store().remove_oldest(1), 2u);
  append_next(script);
  EXPECT_EQ(script.appends[script.last], Fate::Acknowledged);
}

}  // namespace
}  // namespace backstitch::store::embedded
