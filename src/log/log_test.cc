#include "log/log.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

namespace backstitch::log {
namespace {

TEST(Log, on_a_real_disk_a_restart_replays_what_was_appended) {
  char name[] = "/tmp/backstitch-log-XXXXXX";
  const std::string directory = std::string(::mkdtemp(name)) + "/log";
  const auto file_system = base::make_real_file_system();
  const base::FakeClock clock;
  for (uint64_t round = 1; round <= 3; ++round) {
    base::Metrics metrics;
    auto log = Log::open(*file_system, clock, metrics, {.directory = directory, .segment_bytes = 4096});
    ASSERT_TRUE(log) << log.error().message;
    uint64_t sequence = 0;
    const auto replayed = (*log)->replay([&](const Record& record) {
      EXPECT_EQ(record.at.sequence, ++sequence);
      EXPECT_EQ((*log)->read(record.at.position)->payload, std::string(1000, 'p'));
      return 1;
    });
    ASSERT_TRUE(replayed) << replayed.error().message;
    EXPECT_EQ(replayed->records, (round - 1) * 10);
    for (int i = 0; i < 10; ++i) {
      const auto at = (*log)->append({}, "digest", std::string(1000, 'p'), {.references = 1});
      ASSERT_TRUE(at) << at.error().message;
    }
  }
  std::filesystem::remove_all(std::filesystem::path(directory).parent_path());
}

}  // namespace
}  // namespace backstitch::log
