// One column on its way into a block: rows are pushed, and become a page whenever a row group ends. Private to
// store/block.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <xxhash.h>

#include "store/block/block_index.h"
#include "store/block/context_page.h"
#include "store/block/integer_page.h"
#include "store/block/string_page.h"

namespace backstitch::store::block {

// Texts that live as long as this does, at addresses that stay.
class TextArena {
 public:
  std::string_view keep(std::string_view text);

 private:
  static constexpr size_t kChunkBytesMax = 64 << 10;
  size_t next_chunk_bytes_ = 1 << 10;  // most columns have few texts
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t left_ = 0;
  char* at_ = nullptr;
};

// What the rows of a column can be told from.
struct RowContexts {
  // One for each span of the group.
  std::span<const uint32_t> names;    // by Context::Name
  std::span<const uint32_t> numbers;  // by Context::Names
  std::span<const uint32_t> parents;  // Field::Parent
  // One for each row; empty where rows are spans.
  std::span<const uint32_t> spans;
  std::span<const uint32_t> shapes;  // of attributes: by Context::Shape
};

struct TextHash {
  size_t operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }
};

class ColumnWriter {
 public:
  explicit ColumnWriter(ColumnId id);

  const ColumnId& id() const { return index_.id; }
  // Rows of this group so far.
  uint32_t rows() const { return static_cast<uint32_t>(raw_width_ == 0 ? numbers_.size() : raw_.size() / raw_width_); }
  std::span<const uint64_t> numbers() const { return numbers_; }

  void push_number(uint64_t value) { numbers_.push_back(value); }
  void push_raw(std::string_view id) { raw_.append(id); }
  // Returns its code.
  uint32_t push_text(std::string_view text);
  // A text of `bytes` whose code is known.
  void push_code(uint32_t code, size_t bytes) {
    index_.raw_value_bytes += bytes;
    numbers_.push_back(code);
  }
  // How many values the dictionary has.
  uint32_t value_count() const { return static_cast<uint32_t>(codes_.size()); }

  // Ends the group. Null where nothing tells the rows.
  void end_group(const RowContexts* contexts);
  // Appends the pages to `file` and returns where they lie. `group_count` groups were ended in all, the first ones
  // possibly before this column began.
  ColumnIndex finish(size_t group_count, std::string& file);

 private:
  static constexpr uint32_t kTrialEvery = 16;  // groups

  struct Layout {
    Transform transform = Transform::None;
    Context context = Context::None;
  };

  void encode_page(const RowContexts* contexts, std::string& out);
  void encode_as(Layout layout, const RowContexts* contexts, std::string& out);
  std::span<const uint32_t> transformed(Transform transform, const RowContexts* contexts);
  std::span<const uint32_t> contexts_of(Context context, const RowContexts& contexts);

  ColumnIndex index_;
  const size_t raw_width_;
  const bool is_text_;
  std::string pages_, values_;  // bytes so far

  std::vector<uint64_t> numbers_;  // rows of this group
  std::string raw_;                // likewise
  absl::flat_hash_map<std::string_view, uint32_t, TextHash> codes_;
  TextArena arena_;
  std::vector<std::string_view> new_values_;
  std::string_view last_text_;
  uint32_t last_code_ = UINT32_MAX;

  Layout layout_;
  uint32_t groups_until_trial_ = 0;
  std::array<IntegerEncoder, 3> plain_encoders_;  // by Transform
  ContextEncoder context_encoder_;
  StringEncoder value_encoder_;
  std::vector<uint32_t> codes32_, transformed32_, contexts32_;
  std::string trial_, best_;
};

}  // namespace backstitch::store::block
