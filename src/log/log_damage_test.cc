// One fault a test: bytes of a closed log are changed, and the next life must show only what was written, count what
// it skipped, and go on.
#include <cstring>
#include <functional>

#include "base/crc32c.h"
#include "log/headers.h"
#include "log/log_testing.h"

namespace backstitch::log {
namespace {

constexpr char kFirst[] = "data/log/00000000000000000001.log";

class LogDamageTest : public LogTest {
 protected:
  // Three records of "one", "two", "three" in segment 1; and as many in segment 2 if it is not to be the newest.
  std::vector<Appended> write_three(bool is_newest = true) {
    TestLog opened = open();
    std::vector<Appended> appended;
    for (const char* payload : {"payload one", "payload two", "payload three"}) {
      appended.push_back(append(*opened.log, payload));
    }
    opened.log->sync();
    opened.log.reset();
    if (!is_newest) {
      opened = open();
      append(*opened.log, "newer");
    }
    return appended;
  }
  void change(const std::function<void(std::string&)>& edit, const std::string& path = kFirst) {
    std::string bytes = disk().contents(path);
    edit(bytes);
    disk().set_contents(path, bytes);
  }
  void flip(size_t at) {
    change([&](std::string& bytes) { bytes[at] = static_cast<char>(bytes[at] ^ 0x20); });
  }
  void edit_header(const Appended& of, const std::function<void(RecordHeader&)>& edit) {
    change([&](std::string& bytes) {
      RecordHeader header;
      std::memcpy(&header, bytes.data() + of.position.offset, sizeof(header));
      edit(header);
      seal(header);
      std::memcpy(bytes.data() + of.position.offset, &header, sizeof(header));
    });
  }
  static size_t digest_at(const Appended& record) { return record.position.offset + sizeof(RecordHeader); }
  static size_t payload_at(const Appended& record) { return digest_at(record) + std::strlen("digest"); }

  void expect_shown(const std::vector<std::string>& expected, uint64_t corrupt, uint64_t torn) {
    TestLog opened = open();
    EXPECT_EQ(payloads(*opened.log, opened.shown), expected);
    EXPECT_EQ(opened.replayed.corrupt_records, corrupt);
    EXPECT_EQ(opened.replayed.torn_bytes, torn);
    EXPECT_EQ(counter("backstitch_log_corrupt_records"), corrupt);
    EXPECT_EQ(counter("backstitch_log_torn_bytes"), torn);
    const Appended next = append(*opened.log, "next");
    EXPECT_EQ(opened.log->read(next.position)->payload, "next");
  }
};

TEST_F(LogDamageTest, a_torn_header_at_the_end_is_cut_off) {
  const auto written = write_three();
  change([&](std::string& bytes) { std::memset(bytes.data() + written[2].position.offset + 40, 0, 4000 - 400); });
  expect_shown({"payload one", "payload two"}, 0, 64);
}

TEST_F(LogDamageTest, a_torn_digest_at_the_end_is_cut_off) {
  const auto written = write_three();
  change([&](std::string& bytes) { std::memset(bytes.data() + digest_at(written[2]) + 3, 0, 3 + 13); });
  expect_shown({"payload one", "payload two"}, 0, 64 + 6 + 13);
}

TEST_F(LogDamageTest, a_torn_payload_at_the_end_is_cut_off) {
  const auto written = write_three();
  change([&](std::string& bytes) { bytes[payload_at(written[2]) + 12] = 0; });
  expect_shown({"payload one", "payload two"}, 0, 64 + 6 + 13);
}

TEST_F(LogDamageTest, what_was_torn_stays_away_and_is_counted_once) {
  const auto written = write_three();
  change([&](std::string& bytes) { bytes[payload_at(written[2]) + 12] = 0; });
  expect_shown({"payload one", "payload two"}, 0, 64 + 6 + 13);
  const TestLog again = open();
  EXPECT_EQ(again.shown.size(), 3U);  // with "next"
  EXPECT_EQ(again.replayed.corrupt_records, 0U);
  EXPECT_EQ(again.replayed.torn_bytes, 0U);
}

TEST_F(LogDamageTest, a_file_cut_short_ends_before_the_cut) {
  const auto written = write_three();
  change([&](std::string& bytes) { bytes.resize(written[2].position.offset + 70); });
  TestLog opened = open();
  EXPECT_EQ(opened.shown.size(), 2U);
  append(*opened.log, "next");
}

TEST_F(LogDamageTest, a_corrupt_header_in_the_middle_skips_one_record) {
  const auto written = write_three();
  flip(written[1].position.offset + 5);
  expect_shown({"payload one", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, a_corrupt_digest_in_the_middle_skips_one_record) {
  const auto written = write_three();
  flip(digest_at(written[1]));
  expect_shown({"payload one", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, a_corrupt_payload_in_the_newest_segment_skips_one_record) {
  const auto written = write_three();
  flip(payload_at(written[1]));
  expect_shown({"payload one", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, a_corrupt_payload_in_a_synced_segment_is_found_when_it_is_read) {
  const auto written = write_three(false);
  flip(payload_at(written[1]));
  expect_shown({"payload one", "corrupt", "payload three", "newer"}, 0, 0);
  EXPECT_EQ(counter("backstitch_log_corrupt_reads"), 1U);
}

TEST_F(LogDamageTest, a_corrupt_first_record_does_not_hide_the_others) {
  const auto written = write_three();
  flip(written[0].position.offset);
  expect_shown({"payload two", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, giant_sizes_in_a_header_are_no_record) {
  for (uint32_t RecordHeader::* size :
       {&RecordHeader::digest_size, &RecordHeader::payload_size, &RecordHeader::raw_size}) {
    new_disk(1);
    const auto written = write_three();
    edit_header(written[1], [&](RecordHeader& header) { header.*size = UINT32_MAX; });
    TestLog opened = open();
    EXPECT_EQ(payloads(*opened.log, opened.shown), (std::vector<std::string>{"payload one", "payload three"}));
  }
}

TEST_F(LogDamageTest, a_giant_raw_size_of_a_compressed_record_takes_no_memory) {
  const auto written = write_three();
  edit_header(written[1], [](RecordHeader& header) {
    header.compression = static_cast<uint8_t>(Compression::Lz4);
    header.raw_size = kRecordBytesMax;
  });
  expect_shown({"payload one", "corrupt", "payload three"}, 0, 0);
}

TEST_F(LogDamageTest, a_record_of_a_kind_we_do_not_know_is_skipped) {
  const auto written = write_three();
  edit_header(written[1], [](RecordHeader& header) { header.kind = 200; });
  expect_shown({"payload one", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, a_record_of_another_life_is_none) {
  const auto written = write_three();
  edit_header(written[1], [](RecordHeader& header) { ++header.life; });
  expect_shown({"payload one", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, a_record_whose_sequence_goes_back_is_none) {
  const auto written = write_three();
  edit_header(written[1], [](RecordHeader& header) { header.sequence = 1; });
  expect_shown({"payload one", "payload three"}, 1, 0);
}

TEST_F(LogDamageTest, a_payload_that_holds_a_record_of_its_own_does_not_pose_as_one) {
  TestLog opened = open();
  // A whole record that fits this place in all but the life, which a client cannot know.
  RecordHeader forged{};
  forged.sequence = 2;
  forged.kind = static_cast<uint8_t>(RecordKind::SealMark);
  seal(forged);
  const Appended carrier = append(*opened.log, std::string(bytes_of(forged)), "12345678");
  append(*opened.log, "last");
  opened.log.reset();
  flip(carrier.position.offset);
  expect_shown({"last"}, 1, 0);
}

TEST_F(LogDamageTest, what_a_recycled_file_holds_of_its_earlier_life_is_not_shown) {
  {
    TestLog opened = open();
    std::vector<Appended> old;
    for (int i = 0; i < 10; ++i) old.push_back(append(*opened.log, std::string(400, 'o')));
    for (const Appended& at : old) opened.log->release(at.position, 1);
    for (int i = 0; i < 6; ++i) append(*opened.log, "new");
  }
  TestLog again = open();
  for (const std::string& payload : payloads(*again.log, again.shown)) {
    EXPECT_TRUE(payload == "new" || payload.size() == 400) << payload;
  }
  EXPECT_EQ(again.replayed.corrupt_records, 0U);
  EXPECT_EQ(again.replayed.torn_bytes, 0U);
}

TEST_F(LogDamageTest, a_damaged_segment_header_sets_the_file_aside_and_keeps_its_sequences_out_of_use) {
  const auto written = write_three();
  flip(30);
  TestLog opened = open();
  EXPECT_TRUE(opened.shown.empty());
  EXPECT_EQ(counter("backstitch_log_damaged_segments"), 1U);
  EXPECT_TRUE(disk().snapshot().contains("data/log/00000000000000000001.damaged"));
  EXPECT_GT(append(*opened.log, "next").sequence, written[2].sequence);
}

TEST_F(LogDamageTest, a_first_sequence_out_of_range_is_a_damaged_header) {
  for (const uint64_t sequence : {uint64_t{0}, kSequenceMax + 1, UINT64_MAX}) {
    new_disk(1);
    write_three();
    change([&](std::string& bytes) {
      SegmentHeader header;
      std::memcpy(&header, bytes.data(), sizeof(header));
      header.first_sequence = sequence;
      seal(header);
      std::memcpy(bytes.data(), &header, sizeof(header));
    });
    TestLog opened = open();
    EXPECT_TRUE(opened.shown.empty());
    EXPECT_LT(append(*opened.log, "next").sequence, 1000U);
  }
}

TEST_F(LogDamageTest, a_sequence_out_of_range_is_no_record) {
  const auto written = write_three();
  edit_header(written[2], [](RecordHeader& header) { header.sequence = UINT64_MAX; });
  TestLog opened = open();
  EXPECT_EQ(opened.shown.size(), 2U);
  EXPECT_EQ(append(*opened.log, "next").sequence, 3U);
}

TEST_F(LogDamageTest, a_file_whose_header_was_never_written_is_freed) {
  write_three();
  disk().set_contents(test_segment_path(2), std::string(4096, '\0'));
  disk().set_contents(test_segment_path(3), disk().contents(kFirst));  // renamed, but still of its earlier life
  disk().set_contents(test_segment_path(4), "");
  TestLog opened = open();
  EXPECT_EQ(opened.shown.size(), 3U);
  EXPECT_EQ(opened.log->segment_count(), 1U);
  EXPECT_EQ(append(*opened.log, "next").position.segment, 5U);
}

TEST_F(LogDamageTest, files_that_are_not_ours_are_left_alone) {
  write_three();
  disk().set_contents("data/log/notes.txt", "mine");
  disk().set_contents("data/log/7.log", "mine");
  open();
  EXPECT_EQ(disk().contents("data/log/notes.txt"), "mine");
  EXPECT_EQ(disk().contents("data/log/7.log"), "mine");
}

TEST_F(LogDamageTest, a_newer_format_version_is_refused_with_a_sentence_and_left_untouched) {
  write_three(false);
  change([](std::string& bytes) {
    SegmentHeader header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    seal(header);
    header.version = kFormatVersion + 1;
    // As that version would: the checksum stays where it is.
    header.crc32c = base::crc32c(bytes_of(header).substr(0, sizeof(header) - sizeof(header.crc32c)));
    std::memcpy(bytes.data(), &header, sizeof(header));
  });
  disk().set_contents(test_segment_path(9), std::string(4096, '\0'));  // would be freed otherwise
  const auto before = disk().snapshot();
  EXPECT_EQ(Log::check_format(disk(), kTestDirectory).error().code, base::Errc::Unsupported);
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::Errc::Unsupported);
  EXPECT_NE(opened.error().message.find("version 2; this build reads versions up to 1"), std::string::npos)
      << opened.error().message;
  EXPECT_EQ(disk().snapshot(), before);
}

TEST_F(LogDamageTest, a_flipped_bit_anywhere_never_shows_a_wrong_record) {
  const std::vector<std::string> whole = {"payload one", "payload two", "payload three"};
  write_three();
  const std::string bytes = disk().contents(kFirst);
  const size_t end = 64 + 3 * 88;
  for (size_t at = 0; at < end * 8; ++at) {
    SCOPED_TRACE(::testing::Message() << "bit " << at % 8 << " of byte " << at / 8);
    new_disk(1);
    std::string damaged = bytes;
    damaged[at / 8] = static_cast<char>(damaged[at / 8] ^ (1 << at % 8));
    disk().set_contents(kFirst, damaged);
    TestLog opened = open();
    const auto shown = payloads(*opened.log, opened.shown);
    EXPECT_GE(shown.size(), at / 8 < 64 ? 0U : 2U);
    size_t next = 0;
    for (const std::string& payload : shown) {
      while (next < whole.size() && whole[next] != payload) ++next;
      EXPECT_LT(next++, whole.size()) << "shown: " << payload;
    }
    if (HasFailure()) return;
  }
}

TEST_F(LogDamageTest, a_segment_that_cannot_be_read_fails_the_replay_by_name) {
  write_three();
  // The reads of a start: stat, list, open, header; mkdir, lock, list, open, size, header; then the records.
  disk().fail_at(11, base::Errc::Io);
  const auto opened = try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::Errc::Io);
  EXPECT_NE(opened.error().message.find("00000000000000000001.log"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace backstitch::log
