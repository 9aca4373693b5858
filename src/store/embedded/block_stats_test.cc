#include "store/embedded/block_stats.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "store/embedded/embedded_testing.h"

namespace backstitch::store::embedded {
namespace {

using conformance::append;
using conformance::sealed;

class BlockStatsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(rig_.open());
    append(rig_.store(), {sealed(1, 1,
                                 {{.span = 1, .service = "cart", .attributes = {{"user", "alice"}, {"n", 1}}},
                                  {.span = 2, .parent = 1, .service = "shop", .attributes = {{"user", "bob"}}}})});
    append(rig_.store(), {sealed(2, 2, {{.span = 1, .service = "cart", .attributes = {{"user", "carol"}}}})});
  }
  base::SimulatedFileSystem disk_;
  Rig rig_{disk_};
};

TEST_F(BlockStatsTest, columns_and_the_index_make_up_all_bytes_on_disk) {
  const StoreStats stats = rig_.store().stats().value();
  EXPECT_EQ(stats.totals.blocks, 2u);
  EXPECT_EQ(stats.totals.traces, 2u);
  EXPECT_EQ(stats.totals.spans, 3u);
  EXPECT_EQ(stats.totals.disk_bytes, rig_.store().disk_bytes());
  EXPECT_GT(stats.totals.otlp_bytes, 100u);
  uint64_t sum = 0;
  for (const ColumnStats& column : stats.columns) sum += column.stored_bytes;
  EXPECT_EQ(sum, stats.totals.disk_bytes);
  EXPECT_TRUE(std::ranges::is_sorted(stats.columns, std::greater(), &ColumnStats::stored_bytes));
}

TEST_F(BlockStatsTest, an_attribute_is_told_with_its_level_and_type) {
  const StoreStats stats = rig_.store().stats().value();
  const auto user = std::ranges::find(stats.columns, "span.user (string)", &ColumnStats::name);
  ASSERT_NE(user, stats.columns.end());
  EXPECT_EQ(user->values, 3u);
  EXPECT_GE(user->raw_bytes, std::string("alicebobcarol").size());
  EXPECT_NE(std::ranges::find(stats.columns, "span.n (int)", &ColumnStats::name), stats.columns.end());
}

TEST_F(BlockStatsTest, each_page_counts_for_how_it_is_encoded) {
  const StoreStats stats = rig_.store().stats().value();
  uint64_t stored = 0;
  for (const CodecStats& codec : stats.codecs) {
    EXPECT_GT(codec.pages, 0u) << codec.name;
    EXPECT_EQ(codec.name.find("unknown"), std::string::npos) << codec.name;
    stored += codec.stored_bytes;
  }
  const auto index = std::ranges::find(stats.columns, "index of blocks", &ColumnStats::name);
  ASSERT_NE(index, stats.columns.end());
  EXPECT_EQ(stored + index->stored_bytes, stats.totals.disk_bytes);
  EXPECT_TRUE(std::ranges::is_sorted(stats.codecs, std::greater(), &CodecStats::stored_bytes));
  // Span ids of 8 bytes and trace ids of 16: 3 spans, 2 traces.
  const auto ids = std::ranges::find(stats.codecs, "ids as they are", &CodecStats::name);
  ASSERT_NE(ids, stats.codecs.end());
  EXPECT_EQ(ids->raw_bytes, 3u * 8 + 2u * 16);
  EXPECT_EQ(ids->raw_bytes, ids->stored_bytes);
}

TEST_F(BlockStatsTest, services_come_with_their_spans_the_largest_first) {
  EXPECT_EQ(rig_.store().stats().value().services, (std::vector<ServiceStats>{{"cart", 2}, {"shop", 1}}));
}

TEST_F(BlockStatsTest, another_process_may_look_meanwhile_and_changes_nothing) {
  const auto before = disk_.snapshot();
  const auto stats = read_embedded_stats(disk_, rig_.directory());
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_EQ(*stats, rig_.store().stats());
  EXPECT_EQ(disk_.snapshot(), before);
}

TEST_F(BlockStatsTest, blocks_that_are_replaced_and_damaged_ones_are_left_out) {
  append(rig_.store(), {sealed(3, 3, {{}})});
  append(rig_.store(), {sealed(4, 4, {{}})});
  const std::string replaced = disk_.contents("data/store/00000000000000000001.block");
  maintain_all(rig_.store());
  disk_.set_contents("data/store/00000000000000000001.block", replaced);
  disk_.set_contents("data/store/00000000000000000009.block", "damaged");
  EXPECT_EQ(read_embedded_stats(disk_, rig_.directory())->totals.traces, 4u);
}

}  // namespace
}  // namespace backstitch::store::embedded
