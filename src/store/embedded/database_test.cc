#include "store/embedded/database.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <rocksdb/db.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/conformance/sample_traces.h"
#include "store/conformance/temporary_directory.h"
#include "store/embedded/embedded_format.h"
#include "store/embedded/embedded_store.h"

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using conformance::sealed;
using conformance::TemporaryDirectory;
using conformance::trace_id;

const std::vector<std::string> kFamilies = {"default", "traces", "summaries", "names", "sealed"};

// A database without the store around it.
class RawDatabase {
 public:
  explicit RawDatabase(const std::string& directory) {
    rocksdb::Options options;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : kFamilies) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions(options));
    const auto status = rocksdb::DB::Open(options, directory, descriptors, &handles_, &db_);
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  ~RawDatabase() {
    for (auto* handle : handles_) EXPECT_TRUE(db_->DestroyColumnFamilyHandle(handle).ok());
    EXPECT_TRUE(db_->Close().ok());
    delete db_;
  }
  void put(size_t family, const std::string& key, const std::string& value) {
    EXPECT_TRUE(db_->Put(rocksdb::WriteOptions(), handles_[family], key, value).ok());
  }
  std::string get(size_t family, const std::string& key) {
    std::string value;
    EXPECT_TRUE(db_->Get(rocksdb::ReadOptions(), handles_[family], key, &value).ok());
    return value;
  }
  void remove(size_t family, const std::string& key) {
    EXPECT_TRUE(db_->Delete(rocksdb::WriteOptions(), handles_[family], key).ok());
  }

 private:
  rocksdb::DB* db_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

class DatabaseTest : public testing::Test {
 protected:
  base::Result<std::unique_ptr<TraceStore>> open() { return open_embedded_store({.directory = path_}, metrics_); }
  // A store with traces 1, 2 and 3 that start at 100, 200, 300.
  void make_store() {
    const auto store = open();
    ASSERT_TRUE(store) << store.error().message;
    for (uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE((*store)->append(std::vector{sealed(i, 1, {{.start = i * 100}})}));
    }
  }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      all[entry.path().filename()] = std::string(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
  uint64_t corrupt_count() {
    return metrics_.counter("backstitch_store_corrupt", "Reads of a row or fragment that cannot be read back").value();
  }
  // Changes what is stored for trace 2.
  void rewrite_trace_2(const std::function<std::string(std::string)>& change) {
    make_store();
    RawDatabase raw(path_);
    const std::string key = trace_key({trace_id(2), 1});
    raw.put(1, key, change(raw.get(1, key)));
  }
  void expect_only_trace_2_is_corrupt() {
    const auto store = open();
    ASSERT_TRUE(store) << store.error().message;
    const auto broken = (*store)->find(trace_id(2));
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Errc::Corrupt);
    EXPECT_NE(broken.error().message.find(trace_id(2).to_hex()), std::string::npos) << broken.error().message;
    EXPECT_TRUE((*store)->find(trace_id(1)));
    const auto found = (*store)->search({.query = conformance::query_of("{ }")});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->traces.size(), 2u);
    EXPECT_TRUE(found->is_partial);
    EXPECT_EQ(corrupt_count(), 2u);
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "data/deep/store";
  base::Metrics metrics_;
};

TEST_F(DatabaseTest, missing_directories_are_made) {
  make_store();
  EXPECT_TRUE(std::filesystem::exists(path_ + "/CURRENT"));
}

TEST_F(DatabaseTest, a_newer_version_is_refused_with_a_sentence_and_left_untouched) {
  make_store();
  RawDatabase(path_).put(0, std::string(kFormatKey), "2");
  const auto before = files();
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::Unsupported);
  EXPECT_EQ(store.error().message,
            "the store in " + path_ + " has format version 2; this build reads up to version 1. Nothing was changed");
  EXPECT_TRUE(files() == before);
}

TEST_F(DatabaseTest, a_newer_version_with_column_families_of_its_own_is_refused_too) {
  make_store();
  {
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : kFamilies) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::DBOptions(), path_, descriptors, &handles, &db).ok());
    rocksdb::ColumnFamilyHandle* blocks = nullptr;
    ASSERT_TRUE(db->CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "blocks", &blocks).ok());
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), handles[0], "format", "2").ok());
    handles.push_back(blocks);
    for (auto* handle : handles) ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    delete db;
  }
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::Unsupported) << store.error().message;
}

TEST_F(DatabaseTest, a_look_at_the_version_changes_no_file) {
  EXPECT_TRUE(check_embedded_format(path_));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "data"));
  make_store();
  auto before = files();
  EXPECT_TRUE(check_embedded_format(path_));
  EXPECT_TRUE(files() == before);
  RawDatabase(path_).put(0, std::string(kFormatKey), "2");
  before = files();
  const auto checked = check_embedded_format(path_);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::Unsupported);
  EXPECT_TRUE(files() == before);
}

TEST_F(DatabaseTest, a_highest_sequence_that_is_no_number_is_corrupt) {
  make_store();
  RawDatabase(path_).put(0, std::string(kHighestSequenceKey), "many");
  EXPECT_EQ(open().error().code, Errc::Corrupt);
}

TEST_F(DatabaseTest, a_sealing_that_cannot_be_read_does_not_end_retention) {
  make_store();
  RawDatabase(path_).put(4, sealed_key({0}, {trace_id(1), 1}), "short");
  const auto store = open();
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->remove_oldest(10).value(), 2u);
  EXPECT_EQ(corrupt_count(), 1u);
  EXPECT_TRUE((*store)->find(trace_id(1)));
}

TEST_F(DatabaseTest, a_version_that_is_no_number_is_corrupt) {
  make_store();
  RawDatabase(path_).put(0, std::string(kFormatKey), "one");
  EXPECT_EQ(open().error().code, Errc::Corrupt);
}

TEST_F(DatabaseTest, a_store_killed_while_it_was_made_opens) {
  make_store();
  RawDatabase(path_).remove(0, std::string(kFormatKey));
  const auto store = open();
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->find(trace_id(1)));
}

TEST_F(DatabaseTest, a_second_opening_is_refused_with_a_sentence) {
  const auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::AlreadyExists);
  EXPECT_EQ(second.error().message, "another process uses the store in " + path_);
  EXPECT_TRUE((*first)->append(std::vector{sealed(1, 1, {{}})}));
}

TEST_F(DatabaseTest, a_second_process_is_refused) {
  make_store();
  int to_child[2];
  int from_child[2];
  ASSERT_EQ(pipe(to_child) | pipe(from_child), 0);
  const pid_t child = fork();
  if (child == 0) {  // holds the store until it is told to go
    const auto store = open();
    char byte = store ? 'y' : 'n';
    if (write(from_child[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(from_child[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_EQ(open().error().code, Errc::AlreadyExists);
  ASSERT_EQ(write(to_child[1], "x", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(open());
  for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(fd);
}

TEST_F(DatabaseTest, a_directory_that_cannot_be_made_is_an_error_with_its_path) {
  std::ofstream(directory_ / "data") << "a file";
  const auto store = open();
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::Io);
  EXPECT_NE(store.error().message.find(directory_ / "data"), std::string::npos) << store.error().message;
}

TEST_F(DatabaseTest, a_flipped_bit_makes_one_trace_corrupt) {
  rewrite_trace_2([](std::string value) {
    value.back() ^= 1;  // in the frame's checksum
    return value;
  });
  expect_only_trace_2_is_corrupt();
}

TEST_F(DatabaseTest, a_frame_cut_short_makes_one_trace_corrupt) {
  rewrite_trace_2([](const std::string& value) { return value.substr(0, value.size() - 5); });
  expect_only_trace_2_is_corrupt();
}

TEST_F(DatabaseTest, a_value_without_its_header_makes_one_trace_corrupt) {
  rewrite_trace_2([](const std::string& value) { return value.substr(0, 5); });
  expect_only_trace_2_is_corrupt();
}

TEST_F(DatabaseTest, a_summary_that_cannot_be_read_hides_one_trace_from_searches) {
  make_store();
  RawDatabase(path_).put(2, summary_key({200}, {trace_id(2), 1}), "\xff");
  const auto store = open();
  ASSERT_TRUE(store);
  const auto found = (*store)->search({.query = conformance::query_of("{ }")});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->traces.size(), 2u);
  EXPECT_TRUE(found->is_partial);
  EXPECT_EQ(corrupt_count(), 1u);
  EXPECT_TRUE((*store)->find(trace_id(2)));
}

TEST_F(DatabaseTest, a_name_row_that_cannot_be_read_is_counted_and_left_out) {
  make_store();
  RawDatabase(path_).put(3, "zzz", "");
  const auto store = open();
  ASSERT_TRUE(store);
  EXPECT_EQ(corrupt_count(), 1u);
  EXPECT_EQ((*store)->services(), std::vector<std::string>{"cart"});
}

}  // namespace
}  // namespace backstitch::store::embedded
