// What an idle log gives back, and what it keeps for the next burst.
#include <algorithm>
#include <atomic>
#include <thread>

#include "log/log_testing.h"

namespace backstitch::log {
namespace {

class LogTrimTest : public LogTest {
 protected:
  // Appends until `segments` are live.
  static std::vector<Appended> fill(Log& log, uint64_t segments) {
    std::vector<Appended> appended;
    while (log.segment_count() < segments) appended.push_back(append(log, std::string(900, 'x')));
    return appended;
  }
  static void release(Log& log, const std::vector<Appended>& appended) {
    for (const Appended& at : appended) log.release(at.position, 1);
  }
  size_t files(std::string_view suffix) {
    const auto all = disk().snapshot();
    return std::ranges::count_if(all, [&](const auto& file) { return file.first.ends_with(suffix); });
  }
  bool shows(const std::string& line) { return metrics_.render().find(line + "\n") != std::string::npos; }
};

TEST_F(LogTrimTest, an_idle_log_comes_to_hold_no_file_and_no_bytes) {
  TestLog opened = open();
  release(*opened.log, fill(*opened.log, 5));
  EXPECT_EQ(files(".log"), 1U);
  EXPECT_EQ(files(".free"), 4U);
  for (int i = 0; i < 3; ++i) opened.log->trim();
  EXPECT_TRUE(disk().snapshot().empty());
  EXPECT_EQ(opened.log->segment_count(), 0U);
  EXPECT_EQ(opened.log->live_bytes(), 0U);
  EXPECT_TRUE(shows("backstitch_log_segments 0"));
  EXPECT_TRUE(shows("backstitch_log_free_segments 0"));
}

TEST_F(LogTrimTest, the_first_sequence_is_that_of_the_oldest_segment_and_goes_on_when_it_ends) {
  TestLog opened = open();
  const std::vector<Appended> appended = fill(*opened.log, 3);
  EXPECT_EQ(opened.log->first_sequence(), appended.front().sequence);
  const auto second = std::ranges::find_if(
      appended, [&](const Appended& at) { return at.position.segment != appended.front().position.segment; });
  release(*opened.log, {appended.begin(), second});
  EXPECT_EQ(opened.log->first_sequence(), second->sequence);
  release(*opened.log, {second, appended.end()});
  for (int i = 0; i < 3; ++i) opened.log->trim();
  EXPECT_EQ(opened.log->segment_count(), 0U);
  EXPECT_EQ(opened.log->first_sequence(), opened.log->last_sequence() + 1);
}

TEST_F(LogTrimTest, free_files_that_each_interval_needs_stay) {
  TestLog opened = open();
  release(*opened.log, fill(*opened.log, 7));
  opened.log->trim();
  for (int burst = 0; burst < 5; ++burst) {
    release(*opened.log, fill(*opened.log, 5));  // takes 4 of the 6
    opened.log->trim();
    EXPECT_TRUE(shows("backstitch_log_free_segments 4")) << burst;
    EXPECT_EQ(files(".free"), 4U);
  }
}

TEST_F(LogTrimTest, free_files_of_the_last_process_stay_for_an_interval) {
  {
    TestLog first = open();
    release(*first.log, fill(*first.log, 5));
  }
  TestLog second = open();
  EXPECT_EQ(files(".free"), 4U);
  second.log->trim();
  EXPECT_EQ(files(".free"), 4U);
  second.log->trim();
  EXPECT_LE(files(".free"), 1U);
}

TEST_F(LogTrimTest, a_referenced_record_keeps_its_segment_and_the_last_one) {
  TestLog opened = open();
  const std::vector<Appended> appended = fill(*opened.log, 3);
  release(*opened.log, {appended.begin() + 1, appended.end()});
  for (int i = 0; i < 5; ++i) opened.log->trim();
  EXPECT_EQ(opened.log->segment_count(), 2U);
  EXPECT_TRUE(opened.log->read(appended.front().position));
  EXPECT_TRUE(opened.log->read(appended.back().position));
  opened.log->release(appended.front().position, 1);
  for (int i = 0; i < 3; ++i) opened.log->trim();
  EXPECT_EQ(opened.log->read(appended.back().position).error().code, base::Errc::NotFound);
  EXPECT_TRUE(disk().snapshot().empty());
}

TEST_F(LogTrimTest, a_log_in_use_keeps_its_last_segment) {
  TestLog opened = open();
  const uint64_t segment = append(*opened.log, "x").position.segment;
  opened.log->release({segment, 0}, 1);
  for (int i = 0; i < 5; ++i) {
    opened.log->trim();
    const Appended at = append(*opened.log, "x");
    EXPECT_EQ(at.position.segment, segment);
    opened.log->release(at.position, 1);
  }
}

TEST_F(LogTrimTest, sequences_and_numbers_go_on_after_all_files_are_gone) {
  for (const Sync sync : {Sync::Never, Sync::Interval, Sync::Always}) {
    new_disk(1);
    LogOptions options = test_options();
    options.sync = sync;
    TestLog opened = open(options);
    const Appended before = append(*opened.log, "before");
    opened.log->release(before.position, 1);
    for (int i = 0; i < 3; ++i) opened.log->trim();
    const Appended after = append(*opened.log, "after");
    EXPECT_EQ(after.sequence, before.sequence + 1);
    EXPECT_GT(after.position.segment, before.position.segment);
    EXPECT_TRUE(opened.log->sync());
    opened.log.reset();
    disk().lose_power();
    TestLog again = open(options);
    EXPECT_EQ(payloads(*again.log, again.shown), std::vector<std::string>{"after"});
  }
}

TEST_F(LogTrimTest, a_restart_without_files_goes_on_behind_what_the_store_has) {
  LogOptions options = test_options();
  {
    TestLog first = open(options);
    for (int i = 0; i < 10; ++i) options.sequence_after = append(*first.log, "x").sequence;
    first.log->release({1, 0}, 10);
    for (int i = 0; i < 3; ++i) first.log->trim();
    EXPECT_TRUE(disk().snapshot().empty());
  }
  TestLog second = open(options);
  EXPECT_EQ(append(*second.log, "y").sequence, 11U);
}

TEST_F(LogTrimTest, the_replayed_segment_that_nobody_needs_goes_without_an_append) {
  append(*open().log, "x");
  TestLog second = open(test_options(), 0);
  EXPECT_EQ(second.log->segment_count(), 1U);
  for (int i = 0; i < 3; ++i) second.log->trim();
  EXPECT_TRUE(disk().snapshot().empty());
}

TEST_F(LogTrimTest, before_the_replay_nothing_is_given_up) {
  append(*open().log, "x");
  auto log = Log::open(disk(), clock_, metrics_, test_options());
  ASSERT_TRUE(log);
  for (int i = 0; i < 3; ++i) (*log)->trim();
  uint64_t shown = 0;
  ASSERT_TRUE((*log)->replay([&](const Record&) -> uint32_t { return ++shown; }));
  EXPECT_EQ(shown, 1U);
}

TEST_F(LogTrimTest, a_file_that_cannot_be_removed_is_counted_and_tried_again) {
  TestLog opened = open();
  release(*opened.log, fill(*opened.log, 4));
  opened.log->trim();
  disk().fail_at(2, base::Errc::Io);  // the last segment's renaming, then the first removal
  opened.log->trim();
  EXPECT_EQ(counter("backstitch_log_file_failures"), 1U);
  for (int i = 0; i < 2; ++i) opened.log->trim();
  EXPECT_TRUE(disk().snapshot().empty());
}

TEST_F(LogTrimTest, trimming_beside_appends_reads_and_syncs_loses_no_referenced_record) {
  for (const Sync sync : {Sync::Interval, Sync::Always}) {
    new_disk(1);
    LogOptions options = test_options();
    options.sync = sync;
    TestLog opened = open(options);
    Log& log = *opened.log;
    std::atomic<bool> is_over{false};
    std::atomic<int> wrong{0};
    std::thread trimmer([&] {
      while (!is_over) {
        log.trim();
        if (!log.sync()) ++wrong;
      }
    });
    std::vector<std::thread> writers;
    for (int t = 0; t < 3; ++t) {
      writers.emplace_back([&] {
        for (int i = 0; i < 400; ++i) {
          const auto at = log.append({}, "digest", std::string(700, 'w'), {.references = 1});
          const auto record = at ? log.read(at->position) : base::Result<Record>(std::unexpected(at.error()));
          if (!record || record->payload != std::string(700, 'w')) ++wrong;
          if (at) log.release(at->position, 1);
          if (i % 16 == 0) std::this_thread::yield();  // the log rests for moments
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
    is_over = true;
    trimmer.join();
    EXPECT_EQ(wrong, 0);
    for (int i = 0; i < 3; ++i) log.trim();
    EXPECT_TRUE(disk().snapshot().empty());
  }
}

}  // namespace
}  // namespace backstitch::log
