// Columns of one row group, read where several are needed: the columns that others were encoded in the context of are
// read once.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/block/block.h"
#include "store/block/context_page.h"
#include "store/block/group_contexts.h"

namespace backstitch::store::block {

// Neighbouring spans, events or links, and the rows that a column has of them.
struct SomeRows {
  RowRange owners;
  RowRange rows;
};

// Thread-safe: columns are decoded side by side, what they share is made by whoever needs it first. `block` outlives
// it.
class GroupReader {
 public:
  GroupReader(const Block& block, uint32_t group) : block_(block), group_(group) {}

  const Block& block() const { return block_; }
  uint32_t group() const { return group_; }
  const GroupIndex& index() const { return block_.index().groups[group_]; }

  // As of Block.
  base::Result<> read(const ColumnIndex& column, std::vector<uint64_t>& out);
  base::Result<> read(const ColumnIndex& column, std::vector<uint32_t>& out);
  // Some of them: costs little where they are few and stand far in front. Rows that are told from rows of their spans'
  // parents need these among the owners.
  base::Result<> read(const ColumnIndex& column, const SomeRows& some, std::vector<uint64_t>& out);
  base::Result<> read(const ColumnIndex& column, const SomeRows& some, std::vector<uint32_t>& out);
  // A column with one row for each span, event or link; kept, so that the next call is free.
  base::Result<std::span<const uint32_t>> rows(Field field);
  // Of memory that it takes.
  size_t bytes() const;

 private:
  // A page's first byte.
  struct Layout {
    Transform transform = Transform::None;
    Context context = Context::None;
  };
  template <typename T>
  base::Result<> read_as(const ColumnIndex& column, const SomeRows* some, std::vector<T>& out);
  template <typename T>
  base::Result<> decode(const ColumnIndex& column, Layout layout, std::string_view page, std::vector<T>& out);
  template <typename T>
  base::Result<> decode_some(const ColumnIndex& column, Layout layout, std::string_view page, const SomeRows& some,
                             std::vector<T>& out, uint32_t& zeros_before);
  template <typename T>
  base::Result<> undo(Transform transform, const ColumnIndex& column, size_t first_row, uint32_t zeros_before,
                      std::vector<T>& rows);
  base::Result<> decode_context(Context context, const ColumnIndex& column, std::string_view page,
                                std::vector<uint32_t>& out);
  base::Result<SomeCodes> decode_some_in_context(Layout layout, const ColumnIndex& column, std::string_view page,
                                                 const SomeRows& some);
  base::Result<std::span<const uint32_t>> contexts_of_spans(Context context);
  base::Result<const NumberedContexts*> contexts_of(Context context, const ColumnIndex& column);
  base::Result<std::vector<uint32_t>> contexts_of_attributes(Context context, std::span<const uint32_t> of_spans,
                                                             std::span<const uint32_t> times,
                                                             const ColumnIndex& column);
  base::Result<OwnerContexts*> owners_of(model::AttributeLevel level);
  base::Result<std::optional<SomeContexts>> some_contexts_of(Context context, const ColumnIndex& column);
  base::Result<std::vector<uint32_t>> spans_of(Field counts, uint64_t expected);
  base::Result<> check_shapes(Field field, std::span<const uint32_t> rows) const;

  const Block& block_;
  const uint32_t group_;
  // Guards what is below. What is in there stays as it is, at the address that it has.
  mutable std::recursive_mutex making_;
  std::list<std::pair<Field, std::vector<uint32_t>>> kept_;
  std::optional<std::vector<uint32_t>> numbers_;  // by Context::Names
  // Columns whose rows belong to the same spans have the same contexts: by how often each shape names the column.
  struct KnownContexts {
    Context context;
    model::AttributeLevel level;
    std::vector<uint32_t> times;
    NumberedContexts contexts;
  };
  std::list<KnownContexts> known_contexts_;
  std::list<std::pair<model::AttributeLevel, OwnerContexts>> owners_;
};

}  // namespace backstitch::store::block
