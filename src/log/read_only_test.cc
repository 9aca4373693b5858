#include "log/read_only.h"

#include "log/log_testing.h"

namespace backstitch::log {
namespace {

class ReadOnlyTest : public LogTest {
 protected:
  std::vector<std::string> read(const ReadOptions& options = {}) {
    std::vector<std::string> payloads;
    const auto done = read_records(disk(), kTestDirectory, options,
                                   [&](const Record& record) { payloads.push_back(record.payload); });
    EXPECT_TRUE(done) << done.error().message;
    summary_ = done.value_or(ReadSummary{});
    return payloads;
  }
  ReadSummary summary_;
};

TEST_F(ReadOnlyTest, shows_every_record_with_its_payload_while_the_log_is_open) {
  TestLog test = open();
  append(*test.log, "one");
  append(*test.log, "two");
  const auto decided = test.log->append({.kind = RecordKind::Decision}, "", "verdict", {.references = 1});
  ASSERT_TRUE(decided);
  EXPECT_EQ(read(), (std::vector<std::string>{"one", "two", "verdict"}));
  EXPECT_EQ(summary_.records, 3u);
}

TEST_F(ReadOnlyTest, segments_come_in_the_order_of_the_log_and_the_newest_that_fit) {
  TestLog test = open();
  std::vector<std::string> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(std::string(1500, static_cast<char>('a' + i)));
    append(*test.log, all.back());
  }
  ASSERT_GT(test.log->segment_count(), 2u);
  EXPECT_EQ(read(), all);
  const auto newest = read({.bytes_max = 1});
  ASSERT_FALSE(newest.empty());
  EXPECT_LT(newest.size(), all.size());
  EXPECT_EQ(newest.back(), all.back());
  EXPECT_EQ(summary_.segments_skipped, test.log->segment_count() - 1);
}

TEST_F(ReadOnlyTest, changes_nothing_so_that_the_log_opens_as_before) {
  {
    TestLog test = open();
    append(*test.log, "one");
    ASSERT_TRUE(test.log->sync());
  }
  const auto names = disk().list(kTestDirectory);
  read();
  EXPECT_EQ(disk().list(kTestDirectory).value(), names.value());
  EXPECT_EQ(open().shown.size(), 1u);
}

TEST_F(ReadOnlyTest, no_directory_is_not_found) {
  const auto read = read_records(disk(), "nowhere", {}, [](const Record&) {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, base::Errc::NotFound);
}

}  // namespace
}  // namespace backstitch::log
