// The disk is full, or the log's own limit is reached: appends are refused, reads go on, and appends too once there
// is room, without a restart.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/mount.h>
#include <unistd.h>

#include "log/log_testing.h"

namespace backstitch::log {
namespace {

const std::string kPayload(500, 'x');

// Appends until one is refused, at most 1,000.
struct Filled {
  std::vector<Appended> appended;
  base::Error error{};
};

Filled fill(Log& log) {
  Filled filled;
  while (filled.appended.size() < 1000) {
    const auto at = log.append({}, "digest", kPayload, {.references = 1});
    if (!at) {
      filled.error = at.error();
      break;
    }
    filled.appended.push_back(*at);
  }
  return filled;
}

void expect_readable(Log& log, const std::vector<Appended>& appended) {
  for (const Appended& at : appended) {
    const auto record = log.read(at.position);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->payload, kPayload);
  }
}

TEST_F(LogTest, full_disk_refuses_serves_reads_and_resumes) {
  for (const Sync sync : {Sync::Never, Sync::Interval, Sync::Always}) {
    new_disk(1);
    LogOptions options = test_options();
    options.sync = sync;
    TestLog opened = open(options);
    disk().set_capacity(5 * 4096 + 100);
    const Filled filled = fill(*opened.log);
    EXPECT_EQ(filled.error.code, base::Errc::NoSpace);
    EXPECT_GT(filled.appended.size(), 20U);
    expect_readable(*opened.log, filled.appended);
    EXPECT_TRUE(opened.log->sync());
    disk().set_capacity(10 * 4096);
    append(*opened.log, "after");
    opened.log.reset();
    const TestLog again = open(options);
    EXPECT_EQ(again.shown.size(), filled.appended.size() + 1);
    EXPECT_EQ(again.replayed.corrupt_records, 0U);
  }
  EXPECT_EQ(counter("backstitch_log_refused", {{"reason", "no_space"}}), 3U);
}

TEST_F(LogTest, releasing_makes_room_on_a_full_disk) {
  TestLog opened = open();
  disk().set_capacity(3 * 4096);
  const Filled filled = fill(*opened.log);
  for (const Appended& at : filled.appended) opened.log->release(at.position, 1);
  append(*opened.log, "after");
}

TEST_F(LogTest, log_max_bytes_refuses_by_its_name_and_releasing_makes_room) {
  LogOptions options = test_options();
  options.max_bytes = 4 * 4096;
  TestLog opened = open(options);
  const Filled filled = fill(*opened.log);
  EXPECT_EQ(filled.error.code, base::Errc::NoSpace);
  EXPECT_NE(filled.error.message.find("log.max_bytes"), std::string::npos) << filled.error.message;
  EXPECT_EQ(opened.log->segment_count(), 4U);
  for (const Appended& at : filled.appended) opened.log->release(at.position, 1);
  append(*opened.log, "after");
}

TEST_F(LogTest, a_large_record_takes_the_room_of_free_files) {
  LogOptions options = test_options();
  options.max_bytes = 4 * 4096;
  TestLog opened = open(options);
  const Filled filled = fill(*opened.log);
  for (const Appended& at : filled.appended) opened.log->release(at.position, 1);
  append(*opened.log, std::string(9000, 'x'));
}

TEST_F(LogTest, the_disk_keeps_its_last_bytes_for_others) {
  LogOptions options = test_options();
  options.free_bytes_min = 8192;
  disk().set_capacity(5 * 4096);
  TestLog opened = open(options);
  const Filled filled = fill(*opened.log);
  EXPECT_EQ(opened.log->segment_count(), 3U);
  EXPECT_NE(filled.error.message.find("log.free_bytes_min"), std::string::npos) << filled.error.message;
}

TEST_F(LogTest, a_file_system_that_cannot_preallocate_is_written_all_the_same) {
  // Calls of a first append: free_bytes, open, fallocate.
  TestLog opened = open();
  disk().fail_at(3, base::Errc::Unsupported);
  const Appended at = append(*opened.log, kPayload);
  expect_readable(*opened.log, {at});
  opened.log.reset();
  EXPECT_EQ(open().shown.size(), 1U);
}

TEST_F(LogTest, a_write_that_meets_a_full_disk_leaves_nothing_and_is_repeated_in_place) {
  TestLog opened = open();
  const Appended first = append(*opened.log, kPayload);
  disk().fail_at(1, base::Errc::NoSpace, base::SimulatedFileSystem::Damage::Torn);
  EXPECT_EQ(opened.log->append({}, "", kPayload, {}).error().code, base::Errc::NoSpace);
  const Appended second = append(*opened.log, kPayload);
  EXPECT_EQ(second.position.segment, first.position.segment);
  EXPECT_EQ(second.sequence, first.sequence + 1);
  opened.log.reset();
  EXPECT_EQ(open().shown.size(), 2U);
}

TEST_F(LogTest, after_a_write_with_an_io_error_appends_go_to_a_new_segment) {
  TestLog opened = open();
  const Appended first = append(*opened.log, kPayload);
  disk().fail_at(1, base::Errc::Io, base::SimulatedFileSystem::Damage::Torn);
  EXPECT_EQ(opened.log->append({}, "", kPayload, {}).error().code, base::Errc::Io);
  EXPECT_GT(append(*opened.log, kPayload).position.segment, first.position.segment);
  expect_readable(*opened.log, {first});
  EXPECT_EQ(counter("backstitch_log_refused", {{"reason", "io"}}), 1U);
}

TEST_F(LogTest, a_failed_sync_refuses_who_waited_and_their_callback_never_runs) {
  LogOptions options = test_options();
  options.sync = Sync::Always;
  TestLog opened = open(options);
  const Appended first = append(*opened.log, kPayload);
  disk().fail_at(2, base::Errc::Io);  // pwritev, fdatasync
  bool called = false;
  const auto refused = opened.log->append({}, "", kPayload, {.references = 1}, [&](const Appended&) { called = true; });
  EXPECT_EQ(refused.error().code, base::Errc::Io);
  EXPECT_FALSE(called);
  EXPECT_EQ(counter("backstitch_log_sync_failures"), 1U);
  EXPECT_GT(append(*opened.log, kPayload).position.segment, first.position.segment);
  opened.log.reset();
  EXPECT_EQ(open(options).shown.size(), 2U);
}

TEST_F(LogTest, a_failing_disk_does_not_fill_up_with_files) {
  TestLog opened = open();
  for (int i = 0; i < 50; ++i) {
    disk().fail_at(4, base::Errc::Io);  // the header of the new segment
    ASSERT_FALSE(opened.log->append({}, "", kPayload, {}));
  }
  EXPECT_TRUE(disk().snapshot().empty());
}

// A file system of 1 MiB of its own; nothing where the system does not let us.
class SmallFileSystem {
 public:
  SmallFileSystem() {
    char name[] = "/tmp/backstitch-full-XXXXXX";
    if (::mkdtemp(name) == nullptr) return;
    path_ = name;
    is_mounted_ = ::mount("tmpfs", name, "tmpfs", 0, "size=1m") == 0;
    if (!is_mounted_) reason_ = std::strerror(errno);
  }
  ~SmallFileSystem() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  bool is_mounted() const { return is_mounted_; }
  const std::string& path() const { return path_; }
  const std::string& reason() const { return reason_; }

 private:
  std::string path_;
  std::string reason_;
  bool is_mounted_ = false;
};

TEST_F(LogTest, a_real_full_disk_refuses_serves_reads_and_resumes) {
  const SmallFileSystem small;
  if (!small.is_mounted()) GTEST_SKIP() << "cannot mount a tmpfs: " << small.reason();
  const auto real = base::make_real_file_system();
  LogOptions options = test_options();
  options.directory = small.path() + "/log";
  options.segment_bytes = 64 << 10;
  auto log = Log::open(*real, clock_, metrics_, options);
  ASSERT_TRUE(log) << log.error().message;
  const std::string ballast = small.path() + "/ballast";
  {
    auto file = real->open(ballast, base::OpenMode::Create);
    ASSERT_TRUE((*file)->preallocate(512 << 10));
  }
  Filled filled = fill(**log);
  EXPECT_EQ(filled.error.code, base::Errc::NoSpace) << filled.error.message;
  expect_readable(**log, filled.appended);
  EXPECT_TRUE((*log)->sync());
  ASSERT_TRUE(real->remove(ballast));
  append(**log, kPayload);
  expect_readable(**log, filled.appended);
}

}  // namespace
}  // namespace backstitch::log
