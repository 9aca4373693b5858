// Columns of one row group, read where several are needed: the columns that others were encoded in the context of are
// read once.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/block/block.h"
#include "store/block/context_page.h"

namespace backstitch::store::block {

// Not thread-safe. `block` outlives it.
class GroupReader {
 public:
  GroupReader(const Block& block, uint32_t group) : block_(block), group_(group) {}

  const Block& block() const { return block_; }
  uint32_t group() const { return group_; }
  const GroupIndex& index() const { return block_.index().groups[group_]; }

  // As of Block.
  base::Result<> read(const ColumnIndex& column, std::vector<uint64_t>& out);
  base::Result<> read(const ColumnIndex& column, std::vector<uint32_t>& out);
  // A column with one row for each span, event or link; kept, so that the next call is free.
  base::Result<std::span<const uint32_t>> rows(Field field);

 private:
  template <typename T>
  base::Result<> read_as(const ColumnIndex& column, std::vector<T>& out);
  template <typename T>
  base::Result<> undo(Transform transform, const ColumnIndex& column, std::vector<T>& rows);
  base::Result<> decode_context(Context context, const ColumnIndex& column, std::string_view page,
                                std::vector<uint32_t>& out);
  base::Result<std::span<const uint32_t>> contexts_of_spans(Context context);
  base::Result<const NumberedContexts*> contexts_of(Context context, const ColumnIndex& column);
  base::Result<std::vector<uint32_t>> contexts_of_attributes(Context context, std::span<const uint32_t> of_spans,
                                                             std::span<const uint32_t> times,
                                                             const ColumnIndex& column);
  base::Result<std::vector<uint32_t>> spans_of(Field counts, uint64_t expected);
  base::Result<> check_shapes(Field field, std::span<const uint32_t> rows) const;

  const Block& block_;
  const uint32_t group_;
  std::list<std::pair<Field, std::vector<uint32_t>>> kept_;  // at addresses that stay
  std::optional<std::vector<uint32_t>> numbers_;             // by Context::Names
  // Columns whose rows belong to the same spans have the same contexts: by how often each shape names the column.
  struct KnownContexts {
    Context context;
    model::AttributeLevel level;
    std::vector<uint32_t> times;
    NumberedContexts contexts;
  };
  std::list<KnownContexts> known_contexts_;
  std::string spare_page_;
};

}  // namespace backstitch::store::block
