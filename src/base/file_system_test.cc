// What the log and the store rely on, asked of the real file system and of the simulated one alike.
#include "base/file_system.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

#include "base/simulated_file_system.h"

namespace backstitch::base {
namespace {

std::string read_all(File& file, uint64_t offset = 0) {
  std::string bytes(100, '?');
  bytes.resize(file.read_at(offset, bytes.data(), bytes.size()).value());
  return bytes;
}

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  FileSystemTest() {
    if (!GetParam()) {
      file_system_ = std::make_unique<SimulatedFileSystem>();
      return;
    }
    char name[] = "/tmp/backstitch-files-XXXXXX";
    root_ = ::mkdtemp(name);
    file_system_ = make_real_file_system();
  }
  ~FileSystemTest() override {
    std::error_code ignored;
    if (GetParam()) std::filesystem::remove_all(root_, ignored);
  }
  std::string path(const std::string& name) const { return root_ + "/dir/" + name; }
  FileSystem& disk() { return *file_system_; }
  void SetUp() override { ASSERT_TRUE(disk().create_directories(root_ + "/dir")); }
  std::unique_ptr<File> create(const std::string& name) {
    return std::move(disk().open(path(name), OpenMode::Create).value());
  }

  std::string root_ = "root";
  std::unique_ptr<FileSystem> file_system_;
};

TEST_P(FileSystemTest, parts_are_written_one_after_the_other) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(2, {"one", "", "two"}));
  EXPECT_EQ(read_all(*file), std::string("\0\0onetwo", 8));
  EXPECT_EQ(read_all(*file, 5), "two");
  EXPECT_EQ(read_all(*file, 50), "");
  EXPECT_EQ(file->size().value(), 8U);
  EXPECT_TRUE(file->sync());
}

TEST_P(FileSystemTest, preallocated_bytes_are_zeros_and_count_as_size) {
  auto file = create("a");
  const auto reserved = file->preallocate(10);
  if (!reserved && reserved.error().code == Errc::Unsupported) GTEST_SKIP() << reserved.error().message;
  ASSERT_TRUE(file->write_at(0, {"x"}));
  EXPECT_EQ(file->size().value(), 10U);
  EXPECT_EQ(read_all(*file), "x" + std::string(9, '\0'));
}

TEST_P(FileSystemTest, create_refuses_a_file_that_exists_and_the_others_one_that_does_not) {
  create("a");
  EXPECT_EQ(disk().open(path("a"), OpenMode::Create).error().code, Errc::AlreadyExists);
  EXPECT_EQ(disk().open(path("b"), OpenMode::ReadWrite).error().code, Errc::NotFound);
  EXPECT_EQ(disk().open(path("b"), OpenMode::ReadOnly).error().code, Errc::NotFound);
  EXPECT_EQ(disk().open(root_ + "/none/b", OpenMode::Create).error().code, Errc::NotFound);
}

TEST_P(FileSystemTest, a_file_opened_for_reading_takes_no_write) {
  create("a");
  const auto file = disk().open(path("a"), OpenMode::ReadOnly);
  EXPECT_EQ((*file)->write_at(0, {"x"}).error().code, Errc::Io);
}

TEST_P(FileSystemTest, lists_names_in_order_and_only_of_that_directory) {
  create("b");
  create("a");
  ASSERT_TRUE(disk().create_directories(path("c/d")));
  EXPECT_EQ(disk().list(root_ + "/dir").value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(disk().list(root_ + "/none").error().code, Errc::NotFound);
}

TEST_P(FileSystemTest, rename_replaces_and_leaves_open_files_open) {
  auto first = create("a");
  ASSERT_TRUE(first->write_at(0, {"first"}));
  create("b");
  ASSERT_TRUE(disk().rename(path("a"), path("b")));
  EXPECT_FALSE(disk().exists(path("a")).value());
  EXPECT_EQ(read_all(**disk().open(path("b"), OpenMode::ReadOnly)), "first");
  ASSERT_TRUE(first->write_at(0, {"F"}));
  EXPECT_EQ(read_all(**disk().open(path("b"), OpenMode::ReadOnly)), "First");
  EXPECT_EQ(disk().rename(path("a"), path("c")).error().code, Errc::NotFound);
}

TEST_P(FileSystemTest, a_removed_file_that_is_open_can_still_be_read) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(0, {"x"}));
  ASSERT_TRUE(disk().remove(path("a")));
  EXPECT_EQ(read_all(*file), "x");
  EXPECT_FALSE(disk().exists(path("a")).value());
  EXPECT_EQ(disk().remove(path("a")).error().code, Errc::NotFound);
}

TEST_P(FileSystemTest, a_lock_is_held_until_it_goes) {
  auto lock = disk().try_lock(path("lock"));
  ASSERT_TRUE(lock);
  EXPECT_EQ(disk().try_lock(path("lock")).error().code, Errc::AlreadyExists);
  lock->reset();
  EXPECT_TRUE(disk().try_lock(path("lock")));
}

TEST_P(FileSystemTest, directories_may_exist_and_errors_name_call_and_path) {
  EXPECT_TRUE(disk().create_directories(root_ + "/dir"));
  EXPECT_TRUE(disk().sync_directory(root_ + "/dir"));
  EXPECT_GT(disk().free_bytes(root_ + "/dir").value(), 0U);
  const std::string message = disk().open(path("none"), OpenMode::ReadOnly).error().message;
  EXPECT_TRUE(message.starts_with("open " + path("none") + ": ")) << message;
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, ::testing::Bool(),
                         [](const auto& of) { return of.param ? "real" : "simulated"; });

}  // namespace
}  // namespace backstitch::base
