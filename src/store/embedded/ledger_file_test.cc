#include "store/embedded/ledger_file.h"

#include <gtest/gtest.h>

#include "base/simulated_file_system.h"

namespace backstitch::store {
namespace {

using Records = std::vector<std::string>;

std::unique_ptr<LedgerJournal> open(base::FileSystem& disk) { return std::move(*open_ledger_journal(disk, "ledger")); }

void overwrite(base::FileSystem& disk, uint64_t offset, std::string_view bytes) {
  ASSERT_TRUE((*disk.open("ledger/errors", base::OpenMode::ReadWrite))->write_at(offset, {bytes}));
}

TEST(LedgerFile, records_come_back_in_order_and_a_replacement_takes_their_place) {
  base::SimulatedFileSystem disk(1);
  {
    const auto journal = open(disk);
    EXPECT_EQ(journal->take_records(), Records{});
    ASSERT_TRUE(journal->append("one"));
    ASSERT_TRUE(journal->append(std::string(100'000, 'x')));
  }
  EXPECT_EQ(open(disk)->take_records(), (Records{"one", std::string(100'000, 'x')}));
  {
    const auto journal = open(disk);
    ASSERT_TRUE(journal->replace("all"));
    ASSERT_TRUE(journal->append("more"));
    EXPECT_LT(journal->bytes(), 100u);
  }
  EXPECT_EQ(open(disk)->take_records(), (Records{"all", "more"}));
}

TEST(LedgerFile, what_a_crash_tore_is_written_over) {
  base::SimulatedFileSystem disk(1);
  uint64_t whole = 0;
  {
    const auto journal = open(disk);
    ASSERT_TRUE(journal->append("one"));
    whole = journal->bytes();
    ASSERT_TRUE(journal->append("a long second record"));
  }
  overwrite(disk, whole + 12, "#");
  {
    const auto journal = open(disk);
    EXPECT_EQ(journal->take_records(), Records{"one"});
    ASSERT_TRUE(journal->append("two"));
  }
  EXPECT_EQ(open(disk)->take_records(), (Records{"one", "two"}));
}

TEST(LedgerFile, file_of_another_version_is_refused) {
  base::SimulatedFileSystem disk(1);
  open(disk);
  overwrite(disk, 0, "backstitch ledger 2\n");
  EXPECT_EQ(open_ledger_journal(disk, "ledger").error().code, base::Errc::Unsupported);
}

TEST(LedgerFile, synced_records_survive_a_power_loss_at_any_call) {
  for (uint64_t call = 1; call < 40; ++call) {
    base::SimulatedFileSystem disk(call);
    Records synced;
    Records tried;
    disk.stop_at(call);
    if (auto journal = open_ledger_journal(disk, "ledger")) {
      for (const char* record : {"one", "two", "three"}) {
        tried.push_back(record);
        if (!(*journal)->append(record) || !(*journal)->sync()) break;
        synced.push_back(record);
      }
    }
    disk.lose_power(call);
    const Records found = open(disk)->take_records();
    ASSERT_GE(found.size(), synced.size()) << "call " << call;
    ASSERT_LE(found.size(), tried.size()) << "call " << call;
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], tried[i]);
  }
}

}  // namespace
}  // namespace backstitch::store
