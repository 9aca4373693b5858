#include "log/log.h"

#include <algorithm>
#include <cstring>

#include "log/headers.h"
#include "log/log_testing.h"

namespace backstitch::log {
namespace {

TEST_F(LogTest, a_restart_shows_what_was_appended_in_order) {
  std::vector<Appended> appended;
  {
    TestLog first = open();
    for (int i = 0; i < 30; ++i) appended.push_back(append(*first.log, "payload " + std::to_string(i)));
  }
  TestLog second = open();
  ASSERT_EQ(second.shown.size(), 30U);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(second.shown[i].at, appended[i]);
    EXPECT_EQ(second.shown[i].digest, "digest");
    EXPECT_EQ(second.shown[i].info.received, base::Timestamp{7});
    EXPECT_EQ(second.log->read(appended[i].position)->payload, "payload " + std::to_string(i));
  }
  EXPECT_EQ(second.replayed.records, 30U);
  EXPECT_EQ(second.replayed.corrupt_records, 0U);
  EXPECT_EQ(second.replayed.torn_bytes, 0U);
}

TEST_F(LogTest, a_record_reads_back_with_all_that_was_given) {
  TestLog opened = open();
  const RecordInfo info{RecordKind::Decision, Signal::Traces, 42, {123456789}};
  const auto at = opened.log->append(info, "dig", "pay", {});
  const auto record = opened.log->read(at->position);
  EXPECT_EQ(record->info.kind, RecordKind::Decision);
  EXPECT_EQ(record->info.tenant, 42U);
  EXPECT_EQ(record->info.received, base::Timestamp{123456789});
  EXPECT_EQ(record->at, *at);
  EXPECT_EQ(record->digest, "dig");
  EXPECT_EQ(record->payload, "pay");
  EXPECT_EQ(record->payload_size, 3U);
}

TEST_F(LogTest, records_of_every_small_size_read_back) {
  TestLog opened = open();
  for (size_t size = 0; size < 200; ++size) {
    const std::string digest(size, 'd');
    const std::string payload(2 * size, 'p');
    const auto record = opened.log->read(append(*opened.log, payload, digest).position);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->digest, digest);
    EXPECT_EQ(record->payload, payload);
  }
}

TEST_F(LogTest, an_empty_record_is_a_record) {
  TestLog opened = open();
  const Appended at = append(*opened.log, "", "");
  EXPECT_EQ(opened.log->read(at.position)->payload, "");
  opened.log.reset();
  EXPECT_EQ(open().shown.size(), 1U);
}

TEST_F(LogTest, replay_leaves_the_payload_of_spans_unread_and_gives_that_of_other_kinds) {
  TestLog first = open();
  append(*first.log, "spans");
  ASSERT_TRUE(first.log->append({.kind = RecordKind::Decision}, "", "verdict", {.references = 1}));
  first.log.reset();
  const TestLog second = open();
  EXPECT_EQ(second.shown[0].payload, "");
  EXPECT_EQ(second.shown[0].payload_size, 5U);
  EXPECT_EQ(second.shown[1].payload, "verdict");
}

TEST_F(LogTest, replay_tells_the_highest_seal_mark) {
  TestLog first = open();
  for (const uint64_t mark : {5ULL, 9ULL, 7ULL}) {
    const std::string payload(reinterpret_cast<const char*>(&mark), sizeof(mark));
    ASSERT_TRUE(first.log->append({.kind = RecordKind::SealMark}, "", payload, {.references = 1}));
  }
  first.log.reset();
  EXPECT_EQ(open().replayed.last_seal_mark, 9U);
}

TEST_F(LogTest, sequences_go_on_over_restarts_even_when_every_record_was_released) {
  uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    TestLog opened = open(test_options(), 0);
    for (int i = 0; i < 20; ++i) {
      const Appended at = append(*opened.log, std::string(500, 'x'));
      EXPECT_GT(at.sequence, last);
      last = at.sequence;
      opened.log->release(at.position, 1);
    }
  }
}

TEST_F(LogTest, sequences_go_on_behind_what_the_store_has_seen) {
  LogOptions options = test_options();
  options.sequence_after = 1000;
  TestLog opened = open(options);
  EXPECT_EQ(append(*opened.log, "x").sequence, 1001U);
}

TEST_F(LogTest, callbacks_run_before_append_returns) {
  for (const Sync sync : {Sync::Never, Sync::Interval, Sync::Always}) {
    new_disk(1);
    LogOptions options = test_options();
    options.sync = sync;
    TestLog opened = open(options);
    Appended seen;
    const auto at = opened.log->append({}, "d", "p", {}, [&](const Appended& appended) { seen = appended; });
    EXPECT_EQ(seen, *at);
  }
}

TEST_F(LogTest, a_segment_without_references_is_recycled) {
  TestLog opened = open();
  std::vector<Appended> appended;
  for (int i = 0; i < 20; ++i) appended.push_back(append(*opened.log, std::string(500, 'x')));
  const uint64_t segments = opened.log->segment_count();
  ASSERT_GT(segments, 2U);
  const uint64_t bytes = opened.log->live_bytes();
  // Not the oldest: any may go.
  const uint64_t middle = appended.front().position.segment + 1;
  for (const Appended& at : appended) {
    if (at.position.segment == middle) opened.log->release(at.position, 1);
  }
  EXPECT_EQ(opened.log->segment_count(), segments - 1);
  EXPECT_LT(opened.log->live_bytes(), bytes);
  for (const Appended& at : appended) {
    const auto record = opened.log->read(at.position);
    if (at.position.segment == middle) {
      EXPECT_EQ(record.error().code, base::Errc::NotFound);
    } else {
      EXPECT_TRUE(record);
    }
  }
  EXPECT_EQ(opened.log->zone_map(middle).error().code, base::Errc::NotFound);
}

TEST_F(LogTest, a_recycled_file_takes_the_next_segment) {
  TestLog opened = open();
  for (int i = 0; i < 200; ++i) {
    const Appended at = append(*opened.log, std::string(500, 'x'));
    opened.log->release(at.position, 1);
  }
  EXPECT_EQ(opened.log->segment_count(), 1U);
  EXPECT_LE(disk().snapshot().size(), 2U);
}

TEST_F(LogTest, free_files_beyond_their_limit_are_removed) {
  LogOptions options = test_options();
  options.recycled_segments_max = 2;
  TestLog opened = open(options);
  std::vector<Appended> appended;
  for (int i = 0; i < 60; ++i) appended.push_back(append(*opened.log, std::string(500, 'x')));
  for (const Appended& at : appended) opened.log->release(at.position, 1);
  EXPECT_EQ(disk().snapshot().size(), 3U);
}

TEST_F(LogTest, replay_recycles_segments_that_nobody_wants) {
  {
    TestLog first = open();
    for (int i = 0; i < 30; ++i) append(*first.log, std::string(500, 'x'));
    ASSERT_GT(first.log->segment_count(), 3U);
  }
  const TestLog second = open(test_options(), 0);
  EXPECT_EQ(second.shown.size(), 30U);
  EXPECT_EQ(second.log->segment_count(), 1U);  // the newest, which holds the sequence
}

TEST_F(LogTest, a_record_larger_than_a_segment_gets_one_of_its_own) {
  TestLog opened = open();
  append(*opened.log, "small");
  const std::string large(20'000, 'l');
  const Appended at = append(*opened.log, large);
  append(*opened.log, "small");
  EXPECT_EQ(opened.log->read(at.position)->payload, large);
  EXPECT_EQ(opened.log->segment_count(), 3U);
  opened.log->release(at.position, 1);
  EXPECT_EQ(opened.log->segment_count(), 2U);
  opened.log.reset();
  EXPECT_EQ(open().shown.size(), 2U);
}

TEST_F(LogTest, the_zone_map_covers_all_records_also_after_a_restart) {
  model::RequestDigest digest;
  digest.traces.resize(2);
  digest.traces[0].start = {100};
  digest.traces[0].end = {200};
  digest.traces[0].service_bits = 1;
  digest.traces[1].start = {50};
  digest.traces[1].end = {120};
  digest.traces[1].service_bits = 4;
  std::string bytes;
  digest.encode(bytes);
  const auto expect_zone = [&](Log& log, uint64_t segment) {
    const auto zone = log.zone_map(segment);
    ASSERT_TRUE(zone);
    EXPECT_EQ(zone->start, base::Timestamp{50});
    EXPECT_EQ(zone->end, base::Timestamp{200});
    EXPECT_EQ(zone->service_bits, 5U);
    EXPECT_EQ(zone->record_count, 2U);
  };
  TestLog first = open();
  const RecordFacts facts{{50}, {200}, 5, 1};
  const auto at = first.log->append({}, bytes, "p", facts);
  ASSERT_TRUE(first.log->append({.kind = RecordKind::Decision}, "", "p", {}));
  expect_zone(*first.log, at->position.segment);
  first.log.reset();
  const TestLog second = open();
  expect_zone(*second.log, at->position.segment);
}

TEST_F(LogTest, compressed_payloads_read_back_and_take_less_room) {
  LogOptions options = test_options();
  options.compression = Compression::Lz4;
  options.segment_bytes = 1 << 20;
  TestLog first = open(options);
  std::string payload;
  for (int i = 0; i < 40'000; ++i) payload += std::to_string(i % 1000) + ",";
  const Appended at = append(*first.log, payload);
  EXPECT_LT(first.log->live_bytes(), payload.size() / 2);
  EXPECT_EQ(first.log->read(at.position)->payload, payload);
  first.log.reset();
  const TestLog second = open();  // reading does not depend on the option
  EXPECT_EQ(second.shown[0].payload_size, payload.size());
  EXPECT_EQ(second.log->read(at.position)->payload, payload);
}

TEST_F(LogTest, a_payload_that_does_not_shrink_is_stored_raw) {
  LogOptions options = test_options();
  options.compression = Compression::Lz4;
  TestLog opened = open(options);
  const Appended at = append(*opened.log, "short");
  EXPECT_EQ(opened.log->read(at.position)->payload, "short");
  EXPECT_EQ(opened.log->live_bytes(), aligned(sizeof(RecordHeader) + 6 + 5));
}

TEST_F(LogTest, append_before_replay_is_refused) {
  append(*open().log, "x");
  auto log = Log::open(disk(), clock_, metrics_, test_options());
  ASSERT_TRUE(log);
  EXPECT_EQ((*log)->append({}, "", "", {}).error().code, base::Errc::InvalidArgument);
}

TEST_F(LogTest, two_logs_cannot_share_a_directory) {
  const TestLog first = open();
  EXPECT_EQ(try_open().error().code, base::Errc::AlreadyExists);
}

TEST_F(LogTest, segment_sizes_out_of_range_are_refused) {
  for (const uint32_t bytes : {0U, kSegmentBytesMin - 1, kSegmentBytesMax + 1}) {
    LogOptions options = test_options();
    options.segment_bytes = bytes;
    EXPECT_EQ(try_open(options).error().code, base::Errc::InvalidArgument);
  }
}

TEST_F(LogTest, positions_where_no_record_starts_are_not_found_or_corrupt) {
  TestLog opened = open();
  const Appended at = append(*opened.log, std::string(100, 'x'));
  const auto code = [&](uint64_t segment, uint32_t offset) { return opened.log->read({segment, offset}).error().code; };
  EXPECT_EQ(code(at.position.segment, 0), base::Errc::NotFound);
  EXPECT_EQ(code(at.position.segment, at.position.offset + 8), base::Errc::Corrupt);
  EXPECT_EQ(code(at.position.segment, 4000), base::Errc::NotFound);
  EXPECT_EQ(code(at.position.segment, UINT32_MAX), base::Errc::NotFound);
  EXPECT_EQ(code(99, at.position.offset), base::Errc::NotFound);
  EXPECT_EQ(counter("backstitch_log_corrupt_reads"), 1U);
}

TEST_F(LogTest, metrics_tell_what_lies_in_the_log) {
  TestLog opened = open();
  append(*opened.log, "x");
  EXPECT_EQ(counter("backstitch_log_records"), 1U);
  const std::string text = metrics_.render();
  EXPECT_NE(text.find("backstitch_log_segments 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("backstitch_log_live_bytes 72\n"), std::string::npos) << text;
  opened.log.reset();
  EXPECT_FALSE(metrics_.render().empty());  // the gauges outlive the log
}

}  // namespace
}  // namespace backstitch::log
