#include "exporter/handed_on.h"

#include <gtest/gtest.h>

#include "base/simulated_file_system.h"
#include "store/embedded/ledger_file.h"

namespace backstitch::exporter {
namespace {

model::TraceId id_of(uint64_t number) {
  model::TraceId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  return id;
}

store::SealedTrace trace(uint64_t number, uint64_t covered) {
  store::SealedTrace made;
  made.id = id_of(number);
  made.covered_sequence = covered;
  return made;
}

struct HandedOnTest : testing::Test {
  base::SimulatedFileSystem disk;
  std::unique_ptr<store::LedgerJournal> journal;

  std::unique_ptr<HandedOn> open() {
    auto opened = store::open_ledger_journal(disk, "data/ledger", "exported");
    EXPECT_TRUE(opened) << opened.error().message;
    journal = std::move(*opened);
    auto handed_on = HandedOn::open(*journal);
    EXPECT_TRUE(handed_on) << handed_on.error().message;
    return std::move(*handed_on);
  }
};

TEST_F(HandedOnTest, what_was_added_is_known_after_a_restart) {
  auto handed_on = open();
  ASSERT_TRUE(handed_on->add(std::vector{trace(1, 10), trace(2, 11)}));
  ASSERT_TRUE(handed_on->add(std::vector{trace(1, 20)}));
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(handed_on->covered(id_of(1)), 20U);
    EXPECT_EQ(handed_on->covered(id_of(2)), 11U);
    EXPECT_EQ(handed_on->covered(id_of(3)), 0U);
    EXPECT_EQ(handed_on->highest(), 20U);
    handed_on = open();
  }
}

TEST_F(HandedOnTest, an_earlier_fragment_that_is_kept_later_takes_nothing_back) {
  auto handed_on = open();
  ASSERT_TRUE(handed_on->add(std::vector{trace(1, 20)}));
  ASSERT_TRUE(handed_on->add(std::vector{trace(1, 10)}));
  EXPECT_EQ(handed_on->covered(id_of(1)), 20U);
}

TEST_F(HandedOnTest, a_large_journal_comes_to_hold_only_what_the_log_may_have) {
  constexpr uint64_t kTraces = 100'000;
  auto handed_on = open();
  for (uint64_t number = 1; number <= kTraces; ++number) {
    ASSERT_TRUE(handed_on->add(std::vector{trace(number, number)}));
    ASSERT_TRUE(handed_on->compact(number < 10 ? 0 : number - 10));
  }
  EXPECT_LT(handed_on->journal_bytes(), 2U << 20);
  EXPECT_LT(handed_on->trace_count(), kTraces / 2);
  handed_on = open();
  EXPECT_EQ(handed_on->covered(id_of(1)), 0U);
  EXPECT_EQ(handed_on->covered(id_of(kTraces - 5)), kTraces - 5);
  EXPECT_EQ(handed_on->highest(), kTraces);
}

TEST_F(HandedOnTest, the_highest_sequence_outlives_the_traces) {
  auto handed_on = open();
  for (uint64_t round = 0; round < 60'000; ++round) ASSERT_TRUE(handed_on->add(std::vector{trace(1, 7)}));
  ASSERT_TRUE(handed_on->compact(8));
  EXPECT_EQ(handed_on->trace_count(), 0U);
  EXPECT_EQ(open()->highest(), 7U);
}

TEST_F(HandedOnTest, a_record_of_another_shape_is_refused) {
  open();
  ASSERT_TRUE(journal->append("no such record"));
  const auto again = store::open_ledger_journal(disk, "data/ledger", "exported");
  ASSERT_TRUE(again);
  const auto opened = HandedOn::open(**again);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::Errc::Corrupt);
}

}  // namespace
}  // namespace backstitch::exporter
