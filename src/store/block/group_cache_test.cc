#include "store/block/group_cache.h"

#include <gtest/gtest.h>

#include "store/block/block_testing.h"

namespace backstitch::store::block {
namespace {

struct Groups {
  std::shared_ptr<const Block> block = *opened(block_of(random_traces(5, 60), 64));
  base::Metrics metrics;

  std::shared_ptr<GroupReader> read(GroupCache& cache, uint32_t group) {
    auto reader = cache.find_or_make(*block, group);
    EXPECT_TRUE(reader->rows(Field::Name));
    cache.measure(*reader);
    return reader;
  }
};

TEST(GroupCache, the_same_group_is_the_same_reader) {
  Groups all;
  GroupCache cache(1 << 20, all.metrics);
  const auto first = all.read(cache, 0);
  EXPECT_NE(all.read(cache, 1), first);
  EXPECT_EQ(all.read(cache, 0), first);
  EXPECT_GE(cache.bytes(), 2 * sizeof(GroupReader));
  EXPECT_NE(all.metrics.render().find("backstitch_store_group_cache_lookups_total{result=\"hit\"} 1"),
            std::string::npos);
}

TEST(GroupCache, the_group_that_was_read_the_longest_ago_goes_first) {
  Groups all;
  const size_t one = [&] {
    GroupCache cache(1 << 20, all.metrics);
    all.read(cache, 0);
    return cache.bytes();
  }();
  base::Metrics metrics;
  GroupCache cache(one * 5 / 2, metrics);
  const auto first = all.read(cache, 0);
  const auto second = all.read(cache, 1);
  all.read(cache, 0);
  all.read(cache, 2);
  EXPECT_LE(cache.bytes(), one * 5 / 2);
  EXPECT_EQ(all.read(cache, 0), first);
  EXPECT_NE(all.read(cache, 1), second);
}

TEST(GroupCache, without_room_nothing_stays_and_what_is_in_use_can_be_used) {
  Groups all;
  GroupCache cache(0, all.metrics);
  const auto first = all.read(cache, 0);
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_TRUE(first->rows(Field::Parent));
  EXPECT_NE(all.read(cache, 0), first);
}

}  // namespace
}  // namespace backstitch::store::block
