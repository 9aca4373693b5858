// Bytes of a store's files changed and cut off in every place: what is damaged is noticed, named and counted, and the
// rest answers.
#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "store/embedded/embedded_testing.h"

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using conformance::append;
using conformance::sealed;
using conformance::trace_id;

constexpr const char* kBroken = "data/store/00000000000000000002.block";

// Three blocks of two traces each.
std::map<std::string, std::string> make_files() {
  base::SimulatedFileSystem disk;
  Rig rig(disk);
  EXPECT_TRUE(rig.open());
  for (uint64_t i = 1; i <= 3; ++i) {
    append(rig.store(), {sealed(10 * i, i,
                                {{.span = 1, .attributes = {{"user", "u" + std::to_string(i)}}},
                                 {.span = 2, .parent = 1, .name = "SELECT", .is_error = true}}),
                         sealed(10 * i + 1, i, {{.span = 1, .start = 2000, .attributes = {{"n", 500}}}})});
  }
  return disk.snapshot();
}

class EmbeddedDamageTest : public testing::Test {
 protected:
  // Opens the store with `bytes` for its second block.
  void open_with(const std::string& bytes) {
    rig_.reset();
    disk_ = std::make_unique<base::SimulatedFileSystem>();
    for (const auto& [path, content] : files_) disk_->set_contents(path, path == kBroken ? bytes : content);
    rig_ = std::make_unique<Rig>(*disk_);
    const auto opened = rig_->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }

  // As it was, or an error that names the block; gone only where the block was set aside.
  void expect_noticed_or_as_it_was(uint64_t id) {
    const bool is_set_aside = rig_->metric("backstitch_store_blocks_damaged_total") == 1;
    const auto trace = rig_->store().find(trace_id(id));
    if (is_set_aside) {
      ASSERT_FALSE(trace);
      EXPECT_EQ(trace.error().code, Errc::NotFound);
    } else if (trace) {
      EXPECT_EQ(*trace, whole_.at(id));
    } else {
      EXPECT_EQ(trace.error().code, Errc::Corrupt);
      EXPECT_NE(trace.error().message.find("00000000000000000002.block"), std::string::npos) << trace.error().message;
      EXPECT_GE(rig_->metric("backstitch_store_corrupt_total"), 1);
    }
  }

  void expect_others_answer() {
    for (const uint64_t id : {10, 11, 30, 31}) {
      const auto trace = rig_->store().find(trace_id(id));
      ASSERT_TRUE(trace) << trace.error().message;
      EXPECT_EQ(*trace, whole_.at(id));
    }
    expect_search_finds_others();
    EXPECT_TRUE(rig_->store().services());
    EXPECT_TRUE(rig_->store().attribute_values({model::AttributeLevel::Span, "user"}, 10));
  }

  // What a search leaves out it says, or the block was set aside.
  void expect_search_finds_others() {
    const auto result = conformance::search(rig_->store(), {.limit = 100});
    std::set<uint64_t> ids;
    std::vector<model::TraceId> found;
    for (const FoundTrace& trace : result.traces) {
      ids.insert(trace.summary.id.low64());
      found.push_back(trace.summary.id);
    }
    for (const uint64_t id : {10, 11, 30, 31}) EXPECT_TRUE(ids.contains(id)) << id;
    const bool is_set_aside = rig_->metric("backstitch_store_blocks_damaged_total") == 1;
    EXPECT_TRUE(ids.size() == 6 || result.is_partial || is_set_aside);
    const auto counts = rig_->store().fragment_counts(found);
    ASSERT_TRUE(counts) << counts.error().message;
    EXPECT_TRUE(std::ranges::all_of(*counts, [](uint32_t count) { return count <= 1; }));
  }

  const std::map<std::string, std::string> files_ = make_files();
  std::map<uint64_t, model::Trace> whole_;
  std::unique_ptr<base::SimulatedFileSystem> disk_;
  std::unique_ptr<Rig> rig_;

  void SetUp() override {
    open_with(files_.at(kBroken));
    for (const uint64_t id : {10, 11, 20, 21, 30, 31}) {
      const auto trace = rig_->store().find(trace_id(id));
      ASSERT_TRUE(trace);
      whole_[id] = *trace;
    }
  }
};

TEST_F(EmbeddedDamageTest, a_trace_of_which_a_fragment_cannot_be_read_says_so) {
  append(rig_->store(), {sealed(20, 4, {{.span = 3}})});
  EXPECT_FALSE(rig_->store().find(trace_id(20))->is_partial);
  const model::Trace whole = *rig_->store().find(trace_id(20));
  EXPECT_EQ(whole.spans.size(), 3u);
  std::string bytes = disk_->snapshot().at(kBroken);
  bytes[16] = static_cast<char>(~bytes[16]);  // of the trace ids, which lie first
  disk_->set_contents(kBroken, bytes);
  ASSERT_TRUE(rig_->open());
  const auto rest = rig_->store().find(trace_id(20));
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_TRUE(rest->is_partial);
  EXPECT_EQ(rest->spans.size(), 1u);
  EXPECT_EQ(rig_->store().find(trace_id(21)).error().code, Errc::Corrupt);
  EXPECT_FALSE(rig_->store().find(trace_id(30))->is_partial);
}

TEST_F(EmbeddedDamageTest, every_changed_byte_of_a_block_is_noticed_and_the_others_answer) {
  const std::string& whole = files_.at(kBroken);
  size_t noticed = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0xff}) {
      SCOPED_TRACE(testing::Message() << "byte " << at << " of " << whole.size() << ", mask " << mask);
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
      open_with(bytes);
      for (const uint64_t id : {20, 21}) expect_noticed_or_as_it_was(id);
      expect_others_answer();
      (void)rig_->store().maintain({});
      const bool is_noticed = rig_->metric("backstitch_store_blocks_damaged_total") +
                                  rig_->metric("backstitch_store_corrupt_total") +
                                  rig_->metric("backstitch_store_blocks_unnamed_total") >
                              0;
      noticed += is_noticed ? 1 : 0;
      if (HasFailure()) return;
    }
  }
  EXPECT_EQ(noticed, 2 * whole.size());
}

TEST_F(EmbeddedDamageTest, a_block_cut_short_anywhere_is_set_aside_and_the_others_answer) {
  const std::string& whole = files_.at(kBroken);
  for (size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(testing::Message() << "cut to " << size << " of " << whole.size());
    open_with(whole.substr(0, size));
    EXPECT_EQ(rig_->metric("backstitch_store_blocks_damaged_total"), 1);
    EXPECT_EQ(disk_->contents("data/store/00000000000000000002.damaged"), whole.substr(0, size));
    EXPECT_EQ(rig_->store().find(trace_id(20)).error().code, Errc::NotFound);
    expect_others_answer();
    if (HasFailure()) return;
  }
}

TEST_F(EmbeddedDamageTest, what_was_set_aside_stays_and_its_number_is_not_given_again) {
  open_with("no block");
  append(rig_->store(), {sealed(40, 4, {{}})});
  ASSERT_TRUE(rig_->open());
  EXPECT_EQ(rig_->metric("backstitch_store_blocks_damaged_total"), 1);
  EXPECT_EQ(disk_->contents("data/store/00000000000000000002.damaged"), "no block");
  EXPECT_TRUE(disk_->exists("data/store/00000000000000000004.block").value());
}

TEST_F(EmbeddedDamageTest, a_damaged_block_that_was_merged_already_is_removed) {
  open_with(files_.at(kBroken));
  append(rig_->store(), {sealed(40, 4, {{}})});
  maintain_all(rig_->store());
  disk_->set_contents(kBroken, "a leftover");
  ASSERT_TRUE(rig_->open());
  EXPECT_FALSE(disk_->exists(kBroken).value());
  EXPECT_FALSE(disk_->exists("data/store/00000000000000000002.damaged").value());
  EXPECT_EQ(rig_->metric("backstitch_store_blocks_damaged_total"), 0);
  EXPECT_TRUE(rig_->store().find(trace_id(20)));
}

TEST_F(EmbeddedDamageTest, a_read_that_fails_once_sets_no_block_aside) {
  for (uint64_t call = 1;; ++call) {
    rig_.reset();
    disk_ = std::make_unique<base::SimulatedFileSystem>();
    for (const auto& [path, content] : files_) disk_->set_contents(path, content);
    rig_ = std::make_unique<Rig>(*disk_);
    disk_->fail_at(call, Errc::Io);
    const bool is_open = rig_->open().has_value();
    const bool was_met = disk_->calls() >= call;
    if (!is_open) {
      ASSERT_TRUE(rig_->open()) << "call " << call;
    }
    disk_->clear_faults();
    EXPECT_EQ(rig_->metric("backstitch_store_blocks_damaged_total"), 0) << "call " << call;
    for (const auto& [id, trace] : whole_) EXPECT_EQ(rig_->store().find(trace_id(id)), trace) << "call " << call;
    if (HasFailure() || !was_met) return;
  }
}

}  // namespace
}  // namespace backstitch::store::embedded
