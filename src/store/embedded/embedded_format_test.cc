#include "store/embedded/embedded_format.h"

#include <gtest/gtest.h>

namespace backstitch::store::embedded {
namespace {

TEST(EmbeddedFormat, names_of_block_files_round_trip) {
  for (const uint64_t number : {uint64_t{0}, uint64_t{7}, UINT64_MAX}) {
    for (const FileKind kind : {FileKind::Block, FileKind::Temporary, FileKind::Damaged}) {
      const BlockFile file{number, kind};
      EXPECT_EQ(parse_file_name(file_name(file)), file);
    }
  }
  EXPECT_EQ(file_name({7, FileKind::Block}), "00000000000000000007.block");
  EXPECT_EQ(file_name({7, FileKind::Temporary}), "00000000000000000007.tmp");
  EXPECT_EQ(file_name({7, FileKind::Damaged}), "00000000000000000007.damaged");
}

TEST(EmbeddedFormat, other_names_are_none_of_blocks) {
  for (const char* name :
       {"", "7.block", "0000000000000000000x.block", "00000000000000000007", "format", "sequence.tmp",
        "00000000000000000007.blocks", "99999999999999999999.block", "+0000000000000000007.block"}) {
    EXPECT_FALSE(parse_file_name(name)) << name;
  }
}

TEST(EmbeddedFormat, versions_round_trip_and_nothing_else_is_one) {
  EXPECT_EQ(encode_version(2), "backstitch store 2\n");
  EXPECT_EQ(decode_version("backstitch store 17\n"), 17u);
  for (const char* text : {"", "2\n", "backstitch store \n", "backstitch store 2", "backstitch store two\n"}) {
    const auto version = decode_version(text);
    ASSERT_FALSE(version) << text;
    EXPECT_EQ(version.error().code, base::Errc::Corrupt);
  }
}

TEST(EmbeddedFormat, sequences_round_trip_and_every_changed_or_missing_byte_is_noticed) {
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{300}, UINT64_MAX}) {
    const std::string text = encode_sequence(sequence);
    EXPECT_EQ(decode_sequence(text), sequence);
    for (size_t i = 0; i < text.size(); ++i) {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_FALSE(decode_sequence(changed)) << changed;
      EXPECT_FALSE(decode_sequence(text.substr(0, i)));
    }
  }
}

}  // namespace
}  // namespace backstitch::store::embedded
