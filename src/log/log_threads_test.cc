// Many threads at one log, and a real process that is really killed.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "log/log_testing.h"

namespace backstitch::log {
namespace {

constexpr int kThreads = 4;

class LogThreadsTest : public LogTest {
 protected:
  void append_from_all_threads(Sync sync) {
    constexpr int kEach = 300;
    LogOptions options = test_options();
    options.sync = sync;
    TestLog opened = open(options);
    Log& log = *opened.log;
    std::vector<uint64_t> called;  // the log runs the callbacks one at a time
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string payload = std::to_string(t) + std::string(200, 'x') + std::to_string(i);
          bool mine = false;
          const auto at = log.append({}, "digest", payload, {.references = 2}, [&](const Appended& appended) {
            called.push_back(appended.sequence);
            mine = true;
          });
          const auto record = at ? log.read(at->position) : base::Result<Record>(std::unexpected(at.error()));
          if (!at || !mine || !record || record->payload != payload || !log.zone_map(at->position.segment)) ++failures;
          log.release(at->position, 1);
          if (i % 50 == 0 && !log.sync()) ++failures;
          if (i % 3 != 0) log.release(at->position, 1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
    ASSERT_EQ(called.size(), static_cast<size_t>(kThreads * kEach));
    for (size_t i = 0; i < called.size(); ++i) ASSERT_EQ(called[i], i + 1);
    opened.log.reset();
    size_t kept = 0;
    for (const Record& record : open(options).shown) kept += record.payload_size != 0;
    EXPECT_GE(kept, static_cast<size_t>(kThreads * kEach / 3));
  }
};

TEST_F(LogThreadsTest, callbacks_run_in_the_order_of_the_sequences_with_sync_interval) {
  append_from_all_threads(Sync::Interval);
}

TEST_F(LogThreadsTest, callbacks_run_in_the_order_of_the_sequences_with_sync_always) {
  append_from_all_threads(Sync::Always);
}

TEST_F(LogThreadsTest, a_reader_of_a_recycled_segment_gets_its_record_or_not_found) {
  TestLog opened = open();
  Log& log = *opened.log;
  std::atomic<uint64_t> newest{0};  // segment; each record of 900 bytes starts at 64 in some
  std::atomic<bool> is_over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t) {
    readers.emplace_back([&] {
      while (!is_over) {
        const auto record = log.read({newest.load(), 64});
        if (!record && record.error().code != base::Errc::NotFound) ++wrong;
        if (record && record->payload != std::string(900, record->payload[0])) ++wrong;
      }
    });
  }
  for (int i = 0; i < 3000; ++i) {
    const Appended at = append(log, std::string(900, static_cast<char>('a' + i % 26)));
    newest = at.position.segment;
    log.release(at.position, 1);
  }
  is_over = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LT(log.segment_count(), 5U);
}

// A disk on which each fdatasync of a file waits at a gate.
class GatedFileSystem final : public base::FileSystem {
 public:
  explicit GatedFileSystem(base::FileSystem& below) : below_(below) {}

  void close_gate() { is_open_ = false; }
  void open_gate() {
    is_open_ = true;
    is_open_.notify_all();
  }
  int waiting() const { return waiting_; }

  base::Result<std::unique_ptr<base::File>> open(const std::string& path, base::OpenMode mode) override {
    auto file = below_.open(path, mode);
    if (!file) return file;
    return std::make_unique<GatedFile>(*this, std::move(*file));
  }
  base::Result<> create_directories(const std::string& path) override { return below_.create_directories(path); }
  base::Result<std::vector<std::string>> list(const std::string& path) override { return below_.list(path); }
  base::Result<bool> exists(const std::string& path) override { return below_.exists(path); }
  base::Result<> rename(const std::string& from, const std::string& to) override { return below_.rename(from, to); }
  base::Result<> remove(const std::string& path) override { return below_.remove(path); }
  base::Result<> sync_directory(const std::string& path) override { return below_.sync_directory(path); }
  base::Result<std::unique_ptr<base::FileLock>> try_lock(const std::string& path) override {
    return below_.try_lock(path);
  }
  base::Result<uint64_t> free_bytes(const std::string& path) override { return below_.free_bytes(path); }

 private:
  class GatedFile final : public base::File {
   public:
    GatedFile(GatedFileSystem& disk, std::unique_ptr<base::File> below) : disk_(disk), below_(std::move(below)) {}
    base::Result<> write_at(uint64_t offset, std::initializer_list<std::string_view> parts) override {
      return below_->write_at(offset, parts);
    }
    base::Result<size_t> read_at(uint64_t offset, char* out, size_t size) const override {
      return below_->read_at(offset, out, size);
    }
    base::Result<> preallocate(uint64_t size) override { return below_->preallocate(size); }
    base::Result<uint64_t> size() const override { return below_->size(); }
    base::Result<> sync() override {
      ++disk_.waiting_;
      disk_.is_open_.wait(false);
      --disk_.waiting_;
      return below_->sync();
    }

   private:
    GatedFileSystem& disk_;
    std::unique_ptr<base::File> below_;
  };

  base::FileSystem& below_;
  std::atomic<bool> is_open_{true};
  std::atomic<int> waiting_{0};
};

// Polls until `holds`; false after 30 seconds.
template <typename Condition>
bool eventually(Condition holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST_F(LogThreadsTest, appends_that_come_while_a_sync_runs_share_the_next_one) {
  GatedFileSystem gated(disk());
  LogOptions options = test_options();
  options.sync = Sync::Always;
  auto log = Log::open(gated, clock_, metrics_, options);
  ASSERT_TRUE(log);
  append(**log, "first");
  const uint64_t syncs = counter("backstitch_log_syncs");
  gated.close_gate();
  std::atomic<int> returned{0};
  std::vector<std::thread> threads;
  const auto start_append = [&] {
    threads.emplace_back([&] {
      append(**log, "x");
      ++returned;
    });
  };
  start_append();
  EXPECT_TRUE(eventually([&] { return gated.waiting() == 1; }));
  for (int t = 0; t < kThreads; ++t) start_append();
  EXPECT_TRUE(eventually([&] { return (*log)->last_sequence() == 2 + kThreads; }));
  EXPECT_EQ(returned, 0);  // nothing is acknowledged before its sync
  gated.open_gate();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter("backstitch_log_syncs") - syncs, 2U);
}

TEST_F(LogThreadsTest, a_killed_process_loses_no_acknowledged_record) {
  char name[] = "/tmp/backstitch-kill-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const auto real = base::make_real_file_system();
  LogOptions options = test_options();
  options.directory = std::string(name) + "/log";
  options.segment_bytes = 64 << 10;
  std::vector<uint64_t> acknowledged;
  for (int round = 0; round < 3; ++round) {
    std::array<int, 2> pipe;
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto log = Log::open(*real, clock_, metrics_, options);
      if (!log || !(*log)->replay([](const Record&) { return 1; })) ::_exit(1);
      while (true) {
        const auto at = (*log)->append({}, "digest", std::string(700, 'k'), {.references = 1});
        if (!at || ::write(pipe[1], &at->sequence, sizeof(at->sequence)) != sizeof(at->sequence)) ::_exit(1);
      }
    }
    ::close(pipe[1]);
    const size_t enough = acknowledged.size() + 500;
    uint64_t sequence = 0;
    bool is_killed = false;
    while (::read(pipe[0], &sequence, sizeof(sequence)) == sizeof(sequence)) {
      acknowledged.push_back(sequence);
      if (!is_killed && acknowledged.size() >= enough) is_killed = ::kill(child, SIGKILL) == 0;
    }
    ::close(pipe[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));

    clock_.advance(std::chrono::milliseconds(1));
    auto log = Log::open(*real, clock_, metrics_, options);
    ASSERT_TRUE(log) << log.error().message;
    std::vector<uint64_t> shown;
    const auto replayed = (*log)->replay([&](const Record& record) {
      shown.push_back(record.at.sequence);
      return 1;
    });
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(std::ranges::adjacent_find(shown, std::greater_equal<>()), shown.end());
    EXPECT_TRUE(std::ranges::includes(shown, acknowledged));
    EXPECT_EQ(replayed->corrupt_records, 0U);
  }
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace backstitch::log
