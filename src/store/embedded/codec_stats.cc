#include "store/embedded/codec_stats.h"

#include <algorithm>
#include <map>
#include <string>

#include "store/block/page_codec.h"

namespace backstitch::store::embedded {
namespace {

using block::Block;
using block::ColumnIndex;
using block::PageRef;

class CodecSums {
 public:
  void add(const Block& block) {
    for (const ColumnIndex& column : block.index().columns) {
      const size_t id_bytes = block::raw_bytes(column.id.field);
      const size_t row_bytes = id_bytes != 0 ? id_bytes : block::is_text(column.id) ? 4 : 8;
      for (uint32_t group = 0; group < column.pages.size(); ++group) {
        add(block, column, group, false, column.pages[group].rows * row_bytes);
      }
      for (uint32_t group = 0; group < column.values.size(); ++group) add_values(block, column, group);
    }
  }

  std::vector<CodecStats> take() {
    std::vector<CodecStats> codecs;
    for (auto& [name, codec] : codecs_) {
      codec.name = name;
      codecs.push_back(std::move(codec));
    }
    std::ranges::stable_sort(codecs, std::greater(), &CodecStats::stored_bytes);
    return codecs;
  }

 private:
  void add_values(const Block& block, const ColumnIndex& column, uint32_t group) {
    block::Texts texts;
    if (column.values[group].rows == 0 || !block.read_values(column, group, texts)) return;
    uint64_t bytes = 0;
    for (const std::string_view text : texts.values) bytes += text.size();
    add(block, column, group, true, bytes);
  }

  void add(const Block& block, const ColumnIndex& column, uint32_t group, bool is_of_values, uint64_t raw_bytes) {
    const PageRef& page = is_of_values ? column.values[group] : column.pages[group];
    if (page.rows == 0 || !block.read_page(column, group, page, bytes_)) return;
    CodecStats& codec = codecs_[block::codec_name(column.id, is_of_values, bytes_)];
    ++codec.pages;
    codec.stored_bytes += page.bytes;
    codec.raw_bytes += raw_bytes;
  }

  std::map<std::string, CodecStats> codecs_;
  std::string bytes_;
};

}  // namespace

std::vector<CodecStats> codec_stats(std::vector<std::shared_ptr<const Block>> blocks) {
  std::ranges::stable_sort(blocks, std::greater(), [](const auto& block) { return block->index().sealed_max; });
  CodecSums sums;
  for (size_t i = 0; i < std::min(blocks.size(), kCodecBlocks); ++i) sums.add(*blocks[i]);
  return sums.take();
}

}  // namespace backstitch::store::embedded
