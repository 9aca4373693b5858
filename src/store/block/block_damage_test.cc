// Blocks with wrong bytes: in each byte, cut off, in the index.
#include <cstring>
#include <functional>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/workers.h"
#include "store/block/block_testing.h"
#include "store/block/trace_rows.h"
#include "store/conformance/sample_traces.h"

namespace backstitch::store::block {
namespace {

using conformance::sealed;
using conformance::trace_id;

// A block as it would be with another index.
std::string with_index(const std::string& file, const std::function<void(BlockIndex&)>& change) {
  BlockIndex index = (*opened(file))->index();
  uint64_t end = kHeaderBytes;
  for (const ColumnIndex& column : index.columns) end += column.stored_bytes();
  change(index);
  std::string changed = file.substr(0, end);
  append_index(encode_index(index), changed);
  return changed;
}

TEST(Block, an_operation_whose_name_is_not_there_is_refused) {
  const std::string file = block_of({sealed(1, 1, {{.span = 1, .name = "a"}, {.span = 2, .name = "b"}})});
  const auto name_last = [&](uint32_t name) {
    return opened(with_index(file, [&](BlockIndex& index) { index.operations.back().name = name; }));
  };
  EXPECT_TRUE(name_last(1));
  for (const uint32_t name : {2U, UINT32_MAX}) {
    const auto block = name_last(name);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code, base::Errc::Corrupt);
    EXPECT_NE(block.error().message.find("an operation of no name"), std::string::npos) << block.error().message;
  }
}

TEST(Block, a_footer_that_lies_about_the_size_of_the_index_is_refused_before_memory_is_taken) {
  std::string file = block_of({sealed(1, 1, {{.span = 1}})});
  const size_t footer = file.size() - kFooterBytes;
  const uint32_t bytes = kIndexBytesMax;
  std::memcpy(file.data() + footer + 12, &bytes, sizeof(bytes));
  const uint32_t crc32c = base::crc32c(std::string_view(file).substr(footer, 20));
  std::memcpy(file.data() + footer + 20, &crc32c, sizeof(crc32c));
  const auto block = opened(file);
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, base::Errc::Corrupt);
  EXPECT_NE(block.error().message.find("another size"), std::string::npos) << block.error().message;
}

TEST(Block, ids_that_are_not_there_are_not_found) {
  const auto block = opened(block_of(random_traces(1, 200)));
  ASSERT_TRUE(block);
  base::Random random(5);
  size_t maybe = 0;
  for (int i = 0; i < 10'000; ++i) {
    model::TraceId id;
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random.next());
    maybe += (*block)->index().trace_filter.may_contain(id) ? 1 : 0;
    const auto found = (*block)->find(id);
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
  }
  EXPECT_LT(maybe, 300u);
}

// Everything a reader may ask of a block.
base::Result<> read_all(const Block& block) {
  SpanReader reader(block);
  for (uint32_t group = 0; group < block.index().groups.size(); ++group) {
    if (auto read = reader.read_group(group); !read) return std::unexpected(read.error());
    Texts texts;
    for (const ColumnIndex& column : block.index().columns) {
      if (!is_text(column.id)) continue;
      if (auto read = block.read_values(column, group, texts); !read) return std::unexpected(read.error());
    }
  }
  return {};
}

TEST(Block, every_flipped_byte_is_noticed) {
  const auto traces = random_traces(3, 6);
  const std::string whole = block_of(traces, 8);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ (1 << (at % 8)));
    const auto block = opened(broken);
    const auto read = block ? read_all(**block) : std::unexpected(block.error());
    ASSERT_FALSE(read) << "byte " << at << " of " << whole.size();
    EXPECT_TRUE(read.error().code == base::Errc::Corrupt || read.error().code == base::Errc::Unsupported);
    EXPECT_NE(read.error().message.find("test.block"), std::string::npos) << read.error().message;
  }
}

TEST(Block, several_threads_meet_the_same_broken_pages_as_one) {
  base::Workers workers(2);
  const std::string whole = block_of(random_traces(3, 6), 8);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ (1 << (at % 8)));
    const auto block = opened(broken);
    for (uint32_t group = 0; block && group < (*block)->index().groups.size(); ++group) {
      const auto heads = (*block)->read_heads(group);
      for (size_t i = 0; heads && i < heads->size(); ++i) {
        const auto trace = std::span(*heads).subspan(i, 1);
        const auto alone = (*block)->read_some(trace);
        const auto together = (*block)->read_some(trace, &workers);
        ASSERT_EQ(together.has_value(), alone.has_value()) << "byte " << at;
        if (alone) {
          EXPECT_EQ(*together, *alone);
        } else {
          EXPECT_EQ(together.error().message, alone.error().message);
        }
      }
    }
  }
}

TEST(Block, every_truncation_is_noticed) {
  const std::string whole = block_of(random_traces(4, 6), 8);
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto block = opened(whole.substr(0, size));
    ASSERT_FALSE(block) << size;
    EXPECT_EQ(block.error().code, base::Errc::Corrupt);
  }
}

TEST(Block, one_broken_page_hides_its_group_only) {
  const auto traces = random_traces(5, 40);
  std::string bytes = block_of(traces, 16);
  const auto whole = opened(bytes);
  ASSERT_TRUE(whole);
  ASSERT_GT((*whole)->index().groups.size(), 3u);
  bytes[(*whole)->index().find(Field::Duration)->pages[1].offset] ^= 1;
  const auto block = opened(bytes);
  ASSERT_TRUE(block);
  SpanReader reader(**block);
  for (uint32_t group = 0; group < (*block)->index().groups.size(); ++group) {
    EXPECT_EQ(reader.read_group(group).has_value(), group != 1) << group;
  }
}

TEST(Block, older_builds_read_a_block_whose_traces_are_of_one_fragment_each) {
  auto traces = random_traces(6, 1);
  EXPECT_EQ(block_of(traces)[kMagic.size()], char{kPlainVersion});
  traces.front().joined = 2;
  const std::string bytes = block_of(traces);
  EXPECT_EQ(bytes[kMagic.size()], char{kFormatVersion});
  const auto block = opened(bytes);
  ASSERT_TRUE(block) << block.error().message;
  EXPECT_EQ((*block)->find(traces.front().id).value()->joined, 2u);
}

TEST(Block, a_newer_version_is_told_from_a_broken_file) {
  std::string bytes = block_of(random_traces(6, 1));
  bytes[kMagic.size()] = kFormatVersion + 1;
  EXPECT_EQ(opened(bytes).error().code, base::Errc::Unsupported);
}

}  // namespace
}  // namespace backstitch::store::block
