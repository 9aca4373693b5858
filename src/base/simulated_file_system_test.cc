#include "base/simulated_file_system.h"

#include <gtest/gtest.h>

namespace backstitch::base {
namespace {

class SimulatedFileSystemTest : public ::testing::Test {
 protected:
  SimulatedFileSystemTest() { EXPECT_TRUE(disk_.create_directories("d")); }
  std::unique_ptr<File> create(const std::string& path) {
    return std::move(disk_.open(path, OpenMode::Create).value());
  }

  SimulatedFileSystem disk_;
};

TEST_F(SimulatedFileSystemTest, a_power_loss_takes_what_was_not_synced) {
  auto file = create("d/a");
  ASSERT_TRUE(file->write_at(0, {"synced"}));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk_.sync_directory("d"));
  ASSERT_TRUE(file->write_at(0, {"later!"}));
  create("d/b");
  disk_.lose_power();
  EXPECT_EQ(disk_.contents("d/a"), "synced");
  EXPECT_FALSE(disk_.exists("d/b").value());
}

TEST_F(SimulatedFileSystemTest, a_synced_file_in_an_unsynced_directory_is_lost_with_its_name) {
  auto file = create("d/a");
  ASSERT_TRUE(file->write_at(0, {"x"}));
  ASSERT_TRUE(file->sync());
  disk_.lose_power();
  EXPECT_TRUE(disk_.snapshot().empty());
}

TEST_F(SimulatedFileSystemTest, an_unsynced_rename_or_removal_is_taken_back) {
  create("d/a");
  create("d/b");
  ASSERT_TRUE(disk_.sync_directory("d"));
  ASSERT_TRUE(disk_.rename("d/a", "d/c"));
  ASSERT_TRUE(disk_.remove("d/b"));
  disk_.lose_power();
  EXPECT_EQ(disk_.list("d").value(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(SimulatedFileSystemTest, a_killed_process_keeps_what_it_wrote_and_loses_its_files_and_locks) {
  auto file = create("d/a");
  ASSERT_TRUE(file->write_at(0, {"x"}));
  const auto lock = disk_.try_lock("d/lock");
  disk_.kill_process();
  EXPECT_EQ(disk_.contents("d/a"), "x");
  EXPECT_EQ(file->write_at(0, {"y"}).error().code, Errc::Io);
  EXPECT_TRUE(disk_.try_lock("d/lock"));
}

TEST_F(SimulatedFileSystemTest, some_seed_keeps_all_some_keeps_nothing_and_some_tears) {
  bool all = false;
  bool nothing = false;
  bool torn = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedFileSystem disk;
    ASSERT_TRUE(disk.create_directories("d"));
    auto file = std::move(disk.open("d/a", OpenMode::Create).value());
    ASSERT_TRUE(disk.sync_directory("d"));
    ASSERT_TRUE(file->write_at(0, {"0123456789"}));
    disk.lose_power(seed);
    const std::string left = disk.contents("d/a");
    all |= left == "0123456789";
    nothing |= left.empty();
    torn |= !left.empty() && left.find_first_not_of('\0') != std::string::npos && left != "0123456789";
  }
  EXPECT_TRUE(all && nothing && torn);
}

TEST_F(SimulatedFileSystemTest, the_chosen_call_fails_and_the_next_works) {
  auto file = create("d/a");
  disk_.fail_at(2, Errc::NoSpace);
  EXPECT_TRUE(file->write_at(0, {"x"}));
  EXPECT_EQ(file->write_at(1, {"y"}).error().code, Errc::NoSpace);
  EXPECT_TRUE(file->write_at(1, {"z"}));
  EXPECT_EQ(disk_.contents("d/a"), "xz");
}

TEST_F(SimulatedFileSystemTest, nothing_is_done_after_a_stop) {
  auto file = create("d/a");
  disk_.stop_at(1, SimulatedFileSystem::Damage::None);
  EXPECT_FALSE(file->write_at(0, {"x"}));
  EXPECT_FALSE(file->write_at(0, {"y"}));
  EXPECT_FALSE(disk_.remove("d/a"));
  EXPECT_EQ(disk_.snapshot(), (std::map<std::string, std::string>{{"d/a", ""}}));
}

TEST_F(SimulatedFileSystemTest, a_write_beyond_the_capacity_writes_what_fits) {
  auto file = create("d/a");
  disk_.set_capacity(4);
  EXPECT_EQ(file->write_at(0, {"123456"}).error().code, Errc::NoSpace);
  EXPECT_EQ(disk_.contents("d/a"), "1234");
  EXPECT_EQ(disk_.free_bytes("d").value(), 0U);
  EXPECT_TRUE(file->write_at(0, {"abcd"}));
  EXPECT_EQ(create("d/b")->preallocate(1).error().code, Errc::NoSpace);
  ASSERT_TRUE(disk_.remove("d/a"));
  EXPECT_EQ(disk_.free_bytes("d").value(), 4U);
}

}  // namespace
}  // namespace backstitch::base
