#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "store/block/block_writer.h"
#include "store/embedded/embedded_testing.h"

namespace backstitch::store::embedded {
namespace {

using conformance::append;
using conformance::sealed;
using conformance::sealed_at;
using conformance::span_count;
using conformance::trace_id;

class EmbeddedMergeTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(rig_.open()); }
  EmbeddedStore& store() { return rig_.store(); }
  // Blocks of one trace each, with numbers, ids and times from `first` on.
  void append_blocks(uint64_t first, uint64_t count) {
    for (uint64_t i = first; i < first + count; ++i) append(store(), {sealed_at(i, sealed(i, i, {{.start = i}}))});
  }
  std::vector<std::string> block_files() {
    std::vector<std::string> names;
    for (const auto& [path, content] : disk_.snapshot()) {
      if (path.ends_with(".block")) names.push_back(path.substr(path.rfind('/') + 1));
    }
    return names;
  }

  base::SimulatedFileSystem disk_;
  Rig rig_{disk_};
};

TEST_F(EmbeddedMergeTest, small_blocks_become_one_and_their_files_go) {
  append_blocks(1, 4);
  EXPECT_EQ(block_files().size(), 4u);
  EXPECT_EQ(store().maintain({}), true);
  EXPECT_EQ(store().maintain({}), false);
  EXPECT_EQ(block_files(), std::vector<std::string>{"00000000000000000005.block"});
  const auto blocks = store().blocks();
  ASSERT_EQ(blocks.size(), 1u);
  const block::BlockIndex& index = blocks[0]->index();
  EXPECT_EQ(index.replaces, (std::vector<uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(index.traces, 4u);
  EXPECT_EQ(index.sealed_min.unix_nanos, 1u);
  EXPECT_EQ(index.sealed_max.unix_nanos, 4u);
  EXPECT_EQ(index.covered_max, 4u);
  EXPECT_EQ(rig_.metric("backstitch_store_merges_total"), 1);
  EXPECT_GT(rig_.metric("backstitch_store_merge_bytes_read_total"), 0);
  EXPECT_GT(rig_.metric("backstitch_store_merge_bytes_written_total"), 0);
}

TEST_F(EmbeddedMergeTest, merged_traces_stand_in_order_of_start) {
  for (const uint64_t start : {50, 10, 40, 20}) append(store(), {sealed(start, start, {{.start = start}})});
  maintain_all(store());
  const auto heads = store().blocks().at(0)->read_heads(0);
  ASSERT_TRUE(heads);
  std::vector<uint64_t> starts;
  for (const block::TraceHead& head : *heads) starts.push_back(head.start.unix_nanos);
  EXPECT_EQ(starts, (std::vector<uint64_t>{10, 20, 40, 50}));
}

TEST_F(EmbeddedMergeTest, fragments_of_one_trace_become_one) {
  for (uint64_t i = 1; i <= 4; ++i) {
    append(store(), {sealed_at(i, sealed(7, 10 * i, {{.span = i, .start = 100 - i}, {.span = 9, .start = 500}}))});
  }
  maintain_all(store());
  const auto blocks = store().blocks();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0]->index().traces, 1u);
  EXPECT_EQ(blocks[0]->index().spans, 5u);  // span 9 once
  EXPECT_EQ(span_count(store(), 7), 5u);
  EXPECT_EQ(store().covered_sequence(trace_id(7)), 40u);
  EXPECT_EQ(rig_.metric("backstitch_store_fragments_joined_total"), 3);
  EXPECT_EQ(store().remove_sealed_before({4}, 10), 0u);  // its youngest part counts
  EXPECT_EQ(store().remove_sealed_before({5}, 10), 1u);
}

TEST_F(EmbeddedMergeTest, blocks_of_many_groups_are_merged_whole) {
  uint64_t id = 0;
  for (int block = 0; block < 4; ++block) {
    std::vector<SealedTrace> batch;
    for (int i = 0; i < 3; ++i) {
      std::vector<conformance::SpanSpec> spans;
      ++id;
      for (uint64_t span = 1; span <= 3000; ++span) spans.push_back({.span = span, .start = 1000 + id + span % 7});
      batch.push_back(sealed(id, id, spans));
    }
    append(store(), batch);
  }
  maintain_all(store());
  ASSERT_EQ(store().blocks().size(), 1u);
  EXPECT_EQ(store().blocks()[0]->index().spans, 36'000u);
  for (uint64_t i = 1; i <= id; ++i) EXPECT_EQ(span_count(store(), i), 3000u);
}

TEST_F(EmbeddedMergeTest, what_was_sealed_far_apart_stays_apart_so_that_retention_keeps_its_time) {
  const uint64_t apart = static_cast<uint64_t>(MergeOptions().sealed_apart_max.count());
  for (uint64_t i = 1; i <= 8; ++i) {
    append(store(), {sealed_at(1 + (i > 4 ? apart + 10 : 0) + i, sealed(i, i, {{.start = i}}))});
  }
  maintain_all(store());
  EXPECT_EQ(store().blocks().size(), 2u);
  EXPECT_EQ(store().remove_sealed_before({apart}, 100), 4u);
  for (uint64_t i = 1; i <= 8; ++i) EXPECT_EQ(span_count(store(), i), i > 4 ? 1u : 0u);
}

TEST_F(EmbeddedMergeTest, a_reader_of_merged_blocks_goes_on) {
  append_blocks(1, 4);
  const auto held = store().blocks();
  maintain_all(store());
  ASSERT_EQ(held.size(), 4u);
  for (const auto& block : held) EXPECT_TRUE(block->read_heads(0));
}

TEST_F(EmbeddedMergeTest, a_merge_of_blocks_that_retention_takes_meanwhile_comes_to_nothing) {
  append_blocks(1, 4);
  std::thread remover([&] { EXPECT_LE(store().remove_sealed_before({2}, 1).value(), 1u); });
  const auto merged = store().maintain({});
  remover.join();
  ASSERT_TRUE(merged);
  // Whichever came first: nothing is lost, and block 1 is gone unless it was in the merged block already.
  for (uint64_t i = 2; i <= 4; ++i) EXPECT_EQ(span_count(store(), i), 1u);
}

TEST_F(EmbeddedMergeTest, a_block_with_a_broken_page_is_merged_no_more_and_serves_the_rest) {
  append_blocks(1, 8);
  rig_.close();
  const std::string path = "data/store/00000000000000000002.block";
  std::string bytes = disk_.contents(path);
  bytes[block::kHeaderBytes + 3] = static_cast<char>(bytes[block::kHeaderBytes + 3] ^ 1);
  disk_.set_contents(path, bytes);
  ASSERT_TRUE(rig_.open());
  const auto failed = store().maintain({});
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("00000000000000000002.block"), std::string::npos) << failed.error().message;
  maintain_all(store());
  EXPECT_EQ(rig_.metric("backstitch_store_blocks_unmergeable_total"), 1);
  EXPECT_EQ(rig_.metric("backstitch_store_merges_failed_total"), 1);
  EXPECT_EQ(store().blocks().size(), 3u);  // 1, 2 and the one made of 3 to 8
  for (uint64_t i = 3; i <= 8; ++i) EXPECT_EQ(span_count(store(), i), 1u);
  EXPECT_EQ(span_count(store(), 1), 1u);
}

TEST_F(EmbeddedMergeTest, appends_and_reads_go_on_beside_merges) {
  std::atomic<bool> is_done = false;
  std::thread merger([&] {
    while (!is_done) EXPECT_TRUE(store().maintain({}));
  });
  for (uint64_t i = 1; i <= 200; ++i) {
    append_blocks(i, 1);
    EXPECT_EQ(span_count(store(), i), 1u);
    EXPECT_EQ(span_count(store(), 1 + i / 2), 1u);
  }
  is_done = true;
  merger.join();
  maintain_all(store());
  EXPECT_LT(store().blocks().size(), 15u);
  ASSERT_TRUE(rig_.open());
  for (uint64_t i = 1; i <= 200; ++i) EXPECT_EQ(span_count(store(), i), 1u);
}

}  // namespace
}  // namespace backstitch::store::embedded
