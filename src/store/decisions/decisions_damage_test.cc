// Bytes of a store's files changed and cut off in every place: what is damaged is noticed, named and counted, and the
// rest answers.
#include <cstring>
#include <gtest/gtest.h>
#include <map>

#include "base/crc32c.h"
#include "store/decisions/decisions_format.h"
#include "store/decisions/decisions_testing.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using conformance::decision_id;
using conformance::dropped;
using Files = std::map<std::string, std::string>;

constexpr const char* kBroken = "data/decisions/00000000000000000011-00000000000000000020.run";

// Three runs of ten decisions each: 1 to 10 of the first run and so on.
Files make_files() {
  base::SimulatedFileSystem disk;
  Rig rig(disk);
  EXPECT_TRUE(rig.open());
  EXPECT_TRUE(rig.store().add_policy_set({.names = {"errors"}, .text = "tail_sampling:\n"}));
  for (uint64_t number = 1; number <= 30; ++number) {
    EXPECT_TRUE(rig.store().append({.decisions = {dropped(number, number)}, .late_spans = {}}, number));
    if (number % 10 == 0) {
      EXPECT_TRUE(rig.store().flush());
    }
  }
  return disk.snapshot();
}

class DecisionsDamageTest : public testing::Test {
 protected:
  void put_files(const std::string& path, const std::string& bytes) {
    rig_.reset();
    disk_ = std::make_unique<base::SimulatedFileSystem>();
    for (const auto& [known, content] : files_) disk_->set_contents(known, known == path ? bytes : content);
    rig_ = std::make_unique<Rig>(*disk_);
  }
  // Opens the store with `bytes` for its second run.
  void open_with(const std::string& bytes) {
    put_files(kBroken, bytes);
    const auto opened = rig_->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  DecisionStore& store() { return rig_->store(); }
  double damaged() const { return rig_->metric("backstitch_decision_runs_damaged_total"); }
  double corrupt() const { return rig_->metric("backstitch_decision_reads_failed_total"); }

  // Of what there was: as it was, or an error that names the run; gone only where the run was set aside.
  void expect_noticed_or_as_they_were() {
    for (uint64_t number = 11; number <= 20; ++number) {
      const auto history = store().find(decision_id(number));
      if (damaged() == 1) {
        ASSERT_TRUE(history);
        EXPECT_TRUE(history->decisions.empty());
      } else if (history) {
        EXPECT_EQ(history->decisions, std::vector{dropped(number, number)});
      } else {
        EXPECT_EQ(history.error().code, Errc::Corrupt);
        EXPECT_NE(history.error().message.find(kBroken), std::string::npos) << history.error().message;
        EXPECT_GE(corrupt(), 1);
      }
    }
  }

  void expect_others_answer() {
    for (uint64_t number = 1; number <= 30; number += number == 10 ? 11 : 1) {
      const auto history = store().find(decision_id(number));
      ASSERT_TRUE(history) << history.error().message;
      EXPECT_EQ(history->decisions, std::vector{dropped(number, number)});
    }
    const auto list = store().list({}, 100);
    ASSERT_TRUE(list);
    EXPECT_GE(list->decisions.size(), 20u);
    EXPECT_TRUE(list->decisions.size() == 30 || list->is_partial || damaged() == 1);
    // What is merged beside it loses nothing of it.
    EXPECT_TRUE(store().maintain({}));
  }

  const Files files_ = make_files();
  std::unique_ptr<base::SimulatedFileSystem> disk_;
  std::unique_ptr<Rig> rig_;
};

TEST_F(DecisionsDamageTest, every_changed_byte_of_a_run_is_noticed_and_the_others_answer) {
  const std::string& whole = files_.at(kBroken);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0xff}) {
      SCOPED_TRACE(testing::Message() << "byte " << at << " of " << whole.size() << ", mask " << mask);
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
      open_with(bytes);
      expect_noticed_or_as_they_were();
      EXPECT_GE(damaged() + corrupt(), 1);
      expect_others_answer();
      expect_noticed_or_as_they_were();
      EXPECT_EQ(store().durable_sequence(), 30u);
      if (HasFailure()) return;
    }
  }
}

TEST_F(DecisionsDamageTest, every_truncation_of_a_run_sets_it_aside) {
  const std::string& whole = files_.at(kBroken);
  for (size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(testing::Message() << "cut to " << size << " of " << whole.size());
    open_with(whole.substr(0, size));
    EXPECT_EQ(damaged(), 1);
    EXPECT_TRUE(disk_->snapshot().contains(std::string(kBroken) + ".damaged"));
    expect_noticed_or_as_they_were();
    expect_others_answer();
    if (HasFailure()) return;
  }
}

TEST_F(DecisionsDamageTest, a_damaged_newest_run_is_asked_of_the_log_again) {
  const std::string path = "data/decisions/00000000000000000021-00000000000000000030.run";
  put_files(path, "gone");
  ASSERT_TRUE(rig_->open());
  EXPECT_EQ(store().durable_sequence(), 20u);
  for (uint64_t number = 1; number <= 30; ++number) {
    ASSERT_TRUE(store().append({.decisions = {dropped(number, number)}, .late_spans = {}}, number));
  }
  ASSERT_TRUE(store().flush());
  EXPECT_EQ(store().list({}, 100)->decisions.size(), 30u);
}

TEST_F(DecisionsDamageTest, a_run_of_another_version_is_refused_and_nothing_is_changed) {
  std::string bytes = files_.at(kBroken);
  RunHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.version = 2;
  header.crc32c = base::crc32c({reinterpret_cast<const char*>(&header), offsetof(RunHeader, crc32c)});
  std::memcpy(bytes.data(), &header, sizeof(header));
  put_files(kBroken, bytes);
  const Files before = disk_->snapshot();
  const auto opened = rig_->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::Unsupported);
  EXPECT_EQ(opened.error().message, std::string(kBroken) + ": it has format version 2; this build reads version 1");
  EXPECT_EQ(disk_->snapshot(), before);
}

TEST_F(DecisionsDamageTest, a_run_under_another_name_is_set_aside) {
  put_files("", "");
  disk_->set_contents("data/decisions/00000000000000000041-00000000000000000042.run", files_.at(kBroken));
  ASSERT_TRUE(rig_->open());
  EXPECT_EQ(damaged(), 1);
  EXPECT_EQ(store().durable_sequence(), 30u);
  EXPECT_EQ(store().list({}, 100)->decisions.size(), 30u);
}

TEST_F(DecisionsDamageTest, a_damaged_policy_set_is_set_aside_and_its_number_given_to_nobody) {
  const std::string path = "data/decisions/0000000001.policies";
  const std::string& whole = files_.at(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    SCOPED_TRACE(testing::Message() << "byte " << at);
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    put_files(path, at % 2 == 0 ? bytes : whole.substr(0, at));
    ASSERT_TRUE(rig_->open());
    EXPECT_EQ(store().policy_set(1).error().code, Errc::NotFound);
    EXPECT_EQ(rig_->metric("backstitch_decision_policy_sets_damaged_total"), 1);
    ASSERT_TRUE(rig_->open());
    EXPECT_EQ(store().add_policy_set({.names = {"errors"}, .text = "tail_sampling:\n"}), 2u);
    expect_others_answer();
    if (HasFailure()) return;
  }
}

TEST_F(DecisionsDamageTest, a_damaged_sequence_is_set_aside) {
  put_files("", "");
  disk_->set_contents("data/decisions/sequence", "highest sequence 99 crc32c 00000000\n");
  ASSERT_TRUE(rig_->open());
  EXPECT_EQ(damaged(), 1);
  EXPECT_EQ(store().durable_sequence(), 30u);
}

TEST_F(DecisionsDamageTest, files_of_others_are_left_alone) {
  put_files("", "");
  for (const char* name :
       {"notes", "1-2.run", "00000000000000000031-00000000000000000030.run", "0000000000.policies"}) {
    disk_->set_contents("data/decisions/" + std::string(name), "mine");
  }
  ASSERT_TRUE(rig_->open());
  EXPECT_EQ(damaged(), 0);
  EXPECT_EQ(store().stats().runs, 3u);
  EXPECT_EQ(disk_->contents("data/decisions/1-2.run"), "mine");
}

}  // namespace
}  // namespace backstitch::store::decisions
