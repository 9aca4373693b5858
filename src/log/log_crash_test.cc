// A scripted life of the log (appends, rolls, releases, recycling, trimming, a restart) is stopped or failed at every
// single call to the disk in turn. Whatever was promised must hold afterwards.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "log/log_testing.h"

namespace backstitch::log {
namespace {

using Damage = base::SimulatedFileSystem::Damage;

enum class Fate { Refused, Acknowledged, Durable };

struct Written {
  std::string payload;
  Fate fate = Fate::Refused;
  uint64_t sequence = 0;
  bool is_released = false;
};

// What the script did, by the number of the append.
struct Script {
  std::map<int, Written> written;
  int appends = 0;
  bool last_append_refused = false;
};

std::string payload_of(int number) {
  // Sizes that leave every alignment and sometimes fill more than a segment.
  const size_t size = number % 9 == 8 ? 5000 : 300 + static_cast<size_t>(number) * 37 % 500;
  return std::to_string(number) + ":" + std::string(size, static_cast<char>('a' + number % 26));
}

// The digest is "d" and the number of the append.
int number_of(const Record& record) {
  int number = -1;
  std::from_chars(record.digest.data() + 1, record.digest.data() + record.digest.size(), number);
  return number;
}

class LogCrashTest : public LogTest {
 protected:
  LogOptions options(Sync sync, const Script& script) {
    LogOptions result = test_options();
    result.sync = sync;
    result.recycled_segments_max = 2;
    result.sequence_after = highest_released(script);
    return result;
  }

  // As the store knows it, where a released record's spans are.
  static uint64_t highest_released(const Script& script) {
    uint64_t highest = 0;
    for (const auto& [number, written] : script.written) {
      if (written.is_released) highest = std::max(highest, written.sequence);
    }
    return highest;
  }

  void append_next(Log& log, Sync sync, Script& script) {
    const int number = script.appends++;
    Written& written = script.written[number];
    written.payload = payload_of(number);
    const auto at = log.append({}, "d" + std::to_string(number), written.payload, {.references = 1});
    script.last_append_refused = !at;
    if (!at) return;
    written.fate = sync == Sync::Always ? Fate::Durable : Fate::Acknowledged;
    written.sequence = at->sequence;
    positions_[number] = at->position;
  }

  static void mark_durable(Script& script) {
    for (auto& [number, written] : script.written) {
      if (written.fate == Fate::Acknowledged) written.fate = Fate::Durable;
    }
  }

  void release(Log& log, Script& script, int number) {
    const auto found = positions_.find(number);
    if (found == positions_.end()) return;
    log.release(found->second, 1);
    positions_.erase(found);
    script.written[number].is_released = true;
  }

  // Until the log holds no segment, where the disk lets it.
  void rest(Log& log, Script& script) {
    while (!positions_.empty()) release(log, script, positions_.begin()->first);
    for (int i = 0; i < 3; ++i) log.trim();
  }

  // One process: opens, appends, rests for once, appends more, keeps the last 8 records referenced. False if it could
  // not start.
  bool run_process(Sync sync, Script& script, int appends) {
    positions_.clear();
    clock_.advance(std::chrono::milliseconds(1));  // each process has lives of its own
    auto log = Log::open(disk(), clock_, metrics_, options(sync, script));
    if (!log) return false;
    const auto replayed = (*log)->replay([&](const Record& record) -> uint32_t {
      const int number = number_of(record);
      if (script.written[number].is_released) return 0;
      positions_[number] = record.at.position;
      return 1;
    });
    if (!replayed) return false;
    for (int i = 0; i < appends; ++i) {
      append_next(**log, sync, script);
      release(**log, script, script.appends - 9);
      if (i == 2) rest(**log, script);
      if (i % 4 == 3) (*log)->trim();
      if (i % 5 == 4 && (*log)->sync()) mark_durable(script);
    }
    return true;
  }

  void run(Sync sync, Script& script) {
    if (!run_process(sync, script, 14)) return;
    run_process(sync, script, 12);
  }

  // `may_show_refused`: the process ended inside a call, whose record may or may not be there.
  void check(Sync sync, const Script& script, Fate promised, bool may_show_refused) {
    TestLog opened = open(options(sync, script));
    std::set<int> shown;
    uint64_t last_sequence = 0;
    for (const Record& record : opened.shown) {
      EXPECT_GT(record.at.sequence, last_sequence);
      last_sequence = record.at.sequence;
      const int number = number_of(record);
      EXPECT_TRUE(shown.insert(number).second) << "record " << number << " is shown twice";
      const Written& written = script.written.at(number);
      if (written.fate == Fate::Refused) {
        EXPECT_TRUE(may_show_refused) << "record " << number << " was refused";
      } else {
        EXPECT_EQ(record.at.sequence, written.sequence);
      }
      const auto read = opened.log->read(record.at.position);
      ASSERT_TRUE(read) << "record " << number << ": " << read.error().message;
      EXPECT_EQ(read->payload, written.payload);
    }
    for (const auto& [number, written] : script.written) {
      if (written.fate < promised || written.is_released) continue;
      EXPECT_TRUE(shown.contains(number)) << "record " << number << " is lost";
    }
    const Appended next = append(*opened.log, "after");
    EXPECT_GT(next.sequence, last_sequence);
    EXPECT_GT(next.sequence, highest_released(script));
    opened.log.reset();
    const TestLog again = open(options(sync, script));
    ASSERT_EQ(again.shown.size(), opened.shown.size() + 1);
    EXPECT_EQ(again.shown.back().at, next);
  }

  // Calls `end` after the script was stopped at each call in turn, then checks.
  template <typename End>
  void stop_at_every_call(Sync sync, Fate promised, uint64_t rounds, End end) {
    for (uint64_t call = 1;; ++call) {
      for (uint64_t round = 0; round < rounds; ++round) {
        for (const Damage damage : {Damage::None, Damage::Torn}) {
          SCOPED_TRACE(::testing::Message() << "stopped at call " << call << ", seed " << round << ", "
                                            << (damage == Damage::Torn ? "torn" : "not begun"));
          new_disk(call * 100 + round);
          Script script;
          disk().stop_at(call, damage);
          run(sync, script);
          const bool was_stopped = disk().calls() >= call;
          end(call * 100 + round);
          check(sync, script, promised, was_stopped);
          if (HasFailure()) return;
          if (!was_stopped) return;
        }
      }
    }
  }

  void fail_at_every_call(Sync sync, base::Errc code, Damage damage) {
    for (uint64_t call = 1;; ++call) {
      SCOPED_TRACE(::testing::Message() << "failed at call " << call);
      new_disk(call);
      Script script;
      disk().fail_at(call, code, damage);
      run(sync, script);
      const bool was_met = disk().calls() >= call;
      // The disk works again: so does the log, without a restart where it could start at all.
      run_process(sync, script, 3);
      EXPECT_FALSE(script.last_append_refused);
      disk().kill_process();
      check(sync, script, Fate::Acknowledged, false);
      if (HasFailure() || !was_met) return;
    }
  }

  std::map<int, Position> positions_;
};

TEST_F(LogCrashTest, killed_at_any_call_with_sync_never_loses_nothing_acknowledged) {
  stop_at_every_call(Sync::Never, Fate::Acknowledged, 1, [&](uint64_t) { disk().kill_process(); });
}

TEST_F(LogCrashTest, killed_at_any_call_with_sync_interval_loses_nothing_acknowledged) {
  stop_at_every_call(Sync::Interval, Fate::Acknowledged, 1, [&](uint64_t) { disk().kill_process(); });
}

TEST_F(LogCrashTest, killed_at_any_call_with_sync_always_loses_nothing_acknowledged) {
  stop_at_every_call(Sync::Always, Fate::Acknowledged, 1, [&](uint64_t) { disk().kill_process(); });
}

TEST_F(LogCrashTest, power_lost_at_any_call_with_sync_always_loses_nothing_acknowledged) {
  stop_at_every_call(Sync::Always, Fate::Durable, 1, [&](uint64_t) { disk().lose_power(); });
}

TEST_F(LogCrashTest, power_lost_at_any_call_keeping_any_part_with_sync_always_loses_nothing_acknowledged) {
  stop_at_every_call(Sync::Always, Fate::Durable, 16, [&](uint64_t seed) { disk().lose_power(seed); });
}

TEST_F(LogCrashTest, power_lost_at_any_call_with_sync_interval_loses_nothing_synced) {
  stop_at_every_call(Sync::Interval, Fate::Durable, 1, [&](uint64_t) { disk().lose_power(); });
}

TEST_F(LogCrashTest, power_lost_at_any_call_keeping_any_part_with_sync_interval_loses_nothing_synced) {
  stop_at_every_call(Sync::Interval, Fate::Durable, 16, [&](uint64_t seed) { disk().lose_power(seed); });
}

TEST_F(LogCrashTest, io_error_at_any_call_leaves_no_refused_record_and_loses_no_acknowledged_one) {
  for (const Sync sync : {Sync::Interval, Sync::Always}) fail_at_every_call(sync, base::Errc::Io, Damage::None);
}

TEST_F(LogCrashTest, torn_write_with_an_io_error_at_any_call_leaves_no_refused_record) {
  for (const Sync sync : {Sync::Interval, Sync::Always}) fail_at_every_call(sync, base::Errc::Io, Damage::Torn);
}

TEST_F(LogCrashTest, full_disk_at_any_call_leaves_no_refused_record_and_the_log_goes_on) {
  for (const Sync sync : {Sync::Never, Sync::Interval, Sync::Always}) {
    fail_at_every_call(sync, base::Errc::NoSpace, Damage::Torn);
  }
}

}  // namespace
}  // namespace backstitch::log
