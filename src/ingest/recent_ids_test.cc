#include "ingest/recent_ids.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::ingest {
namespace {

model::TraceId random_id(base::Random& random) {
  model::TraceId id;
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random.next());
  return id;
}

TEST(RecentIds, every_id_of_the_last_millions_is_known_and_few_others) {
  base::Random random(7);
  RecentIds recent;
  std::vector<model::TraceId> ids;
  for (size_t i = 0; i < RecentIds::kChunkIds + 1000; ++i) {
    ids.push_back(random_id(random));
    recent.add(ids.back());
  }
  for (const model::TraceId& id : ids) ASSERT_TRUE(recent.may_contain(id));
  int wrong = 0;
  for (int i = 0; i < 10'000; ++i) wrong += recent.may_contain(random_id(random)) ? 1 : 0;
  EXPECT_LT(wrong, 300);
}

TEST(RecentIds, knows_none_before_the_first) {
  base::Random random(8);
  EXPECT_FALSE(RecentIds().may_contain(random_id(random)));
}

TEST(RecentIds, the_oldest_are_forgotten) {
  RecentIds recent;
  model::TraceId id;
  const auto number = [&](uint64_t n) {
    for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(n >> (8 * i));
    return id;
  };
  for (uint64_t n = 0; n < RecentIds::kChunkIds * (RecentIds::kChunksMax + 1); ++n) recent.add(number(n));
  int known = 0;
  for (uint64_t n = 0; n < 1000; ++n) known += recent.may_contain(number(n)) ? 1 : 0;
  EXPECT_LT(known, 400);
}

}  // namespace
}  // namespace backstitch::ingest
