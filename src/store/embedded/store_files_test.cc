#include "store/embedded/store_files.h"

#include <gtest/gtest.h>

#include "store/embedded/embedded_testing.h"

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using conformance::append;
using conformance::sealed;
using conformance::span_count;

class StoreFilesTest : public testing::Test {
 protected:
  base::SimulatedFileSystem disk_;
  Rig rig_{disk_};
};

TEST_F(StoreFilesTest, a_new_store_has_its_version_and_nothing_else) {
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(disk_.snapshot(), (std::map<std::string, std::string>{{"data/store/format", "backstitch store 2\n"}}));
}

TEST_F(StoreFilesTest, a_newer_version_is_refused_with_a_sentence_and_left_untouched) {
  ASSERT_TRUE(rig_.open());
  append(rig_.store(), {sealed(1, 1, {{}})});
  rig_.close();
  disk_.set_contents("data/store/format", "backstitch store 3\n");
  const auto before = disk_.snapshot();
  for (const auto& opened : {rig_.open(), check_embedded_format(disk_, "data/store")}) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::Unsupported);
    EXPECT_EQ(opened.error().message,
              "the store in data/store has format version 3; this build reads version 2. Nothing was changed");
  }
  EXPECT_EQ(disk_.snapshot(), before);
}

TEST_F(StoreFilesTest, a_store_of_version_1_is_refused_with_what_to_do_and_left_untouched) {
  disk_.set_contents("data/store/CURRENT", "MANIFEST-000005\n");
  disk_.set_contents("data/store/MANIFEST-000005", "…");
  const auto before = disk_.snapshot();
  for (const auto& opened : {rig_.open(), check_embedded_format(disk_, "data/store")}) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::Unsupported);
    EXPECT_NE(opened.error().message.find("format version 1"), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().message.find("backstitch export"), std::string::npos) << opened.error().message;
  }
  EXPECT_EQ(disk_.snapshot(), before);
}

TEST_F(StoreFilesTest, a_look_at_the_version_makes_nothing) {
  EXPECT_TRUE(check_embedded_format(disk_, "data/store"));
  EXPECT_FALSE(disk_.exists("data").value());
}

TEST_F(StoreFilesTest, a_version_that_is_no_version_is_corrupt) {
  disk_.set_contents("data/store/format", "backstitch store two\n");
  EXPECT_EQ(rig_.open().error().code, Errc::Corrupt);
  disk_.set_contents("data/store/format", std::string(kSmallFileBytesMax + 1, ' '));
  EXPECT_EQ(rig_.open().error().code, Errc::Corrupt);
}

TEST_F(StoreFilesTest, a_second_opening_is_refused_with_a_sentence) {
  ASSERT_TRUE(rig_.open());
  Rig second(disk_);
  const auto opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::AlreadyExists);
  EXPECT_EQ(opened.error().message, "another process uses the store in data/store");
  append(rig_.store(), {sealed(1, 1, {{}})});
}

TEST_F(StoreFilesTest, files_of_an_ended_process_go_and_those_of_others_stay) {
  ASSERT_TRUE(rig_.open());
  append(rig_.store(), {sealed(1, 1, {{}})});
  rig_.close();
  disk_.set_contents("data/store/00000000000000000009.tmp", "half a block");
  disk_.set_contents("data/store/sequence.tmp", "half a sequence");
  disk_.set_contents("data/store/notes.txt", "kept by the operator");
  ASSERT_TRUE(rig_.open());
  EXPECT_EQ(span_count(rig_.store(), 1), 1u);
  std::vector<std::string> names;
  for (const auto& [path, content] : disk_.snapshot()) names.push_back(path);
  EXPECT_EQ(names, (std::vector<std::string>{"data/store/00000000000000000001.block", "data/store/format",
                                             "data/store/notes.txt"}));
}

TEST_F(StoreFilesTest, a_sequence_that_fails_its_checksum_is_corrupt_and_named) {
  disk_.set_contents("data/store/sequence", "highest sequence 12 crc32c 00000000\n");
  const auto opened = rig_.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::Corrupt);
  EXPECT_NE(opened.error().message.find("data/store/sequence"), std::string::npos);
}

TEST_F(StoreFilesTest, the_sequence_is_written_only_before_the_block_goes_that_alone_knows_it) {
  ASSERT_TRUE(rig_.open());
  append(rig_.store(), {conformance::sealed_at(1, sealed(1, 5, {{}}))});
  append(rig_.store(), {conformance::sealed_at(2, sealed(2, 9, {{}}))});
  ASSERT_EQ(rig_.store().remove_oldest(1), 1u);
  EXPECT_FALSE(disk_.exists("data/store/sequence").value());
  ASSERT_EQ(rig_.store().remove_oldest(1), 1u);
  EXPECT_EQ(decode_sequence(disk_.contents("data/store/sequence")), 9u);
  append(rig_.store(), {conformance::sealed_at(3, sealed(3, 7, {{}}))});
  ASSERT_EQ(rig_.store().remove_oldest(1), 1u);
  EXPECT_EQ(decode_sequence(disk_.contents("data/store/sequence")), 9u);
}

TEST_F(StoreFilesTest, numbers_are_not_given_again_while_a_block_says_that_it_replaces_them) {
  ASSERT_TRUE(rig_.open());
  for (uint64_t i = 1; i <= 4; ++i) append(rig_.store(), {sealed(i, i, {{}})});
  maintain_all(rig_.store());
  ASSERT_TRUE(rig_.open());
  append(rig_.store(), {sealed(5, 5, {{}})});
  EXPECT_TRUE(disk_.exists("data/store/00000000000000000006.block").value());
  ASSERT_TRUE(rig_.open());
  for (uint64_t i = 1; i <= 5; ++i) EXPECT_EQ(span_count(rig_.store(), i), 1u);
}

}  // namespace
}  // namespace backstitch::store::embedded
